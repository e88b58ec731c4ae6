"""The files of one plan's geometry, by the name of their format; its library is loaded with the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prediction.formats.result import PlanResult

if TYPE_CHECKING:
    from PIL import Image

    from prediction.vectors.plan import FloorPlan


def geometry_of(result: PlanResult) -> FloorPlan:
    """The walls and rooms that the detections tell of."""
    from prediction.vectors.floor_plan import floor_plan  # noqa: PLC0415  loads GEOS

    return floor_plan(result.detections, (result.width, result.height))


def plan_file(
    format_: str,
    plan: FloorPlan,
    name: str,
    *,
    picture: Image.Image | None,
    metres_per_pixel: float | None,
    normalised: bool,
) -> bytes:
    """The file of a format of PER_PLAN.

    `name` is the plan's, `picture` its upright picture, which an SVG embeds; GeoJSON may be `normalised`.
    """
    if format_ == "geojson":
        from prediction.formats.geojson import to_geojson  # noqa: PLC0415

        return to_geojson(plan, name, metres_per_pixel=metres_per_pixel, normalised=normalised)
    if format_ == "svg":
        from prediction.formats.svg import to_svg  # noqa: PLC0415

        return to_svg(plan, name, image=picture, metres_per_pixel=metres_per_pixel)
    if format_ == "dxf":
        from prediction.formats.dxf import to_dxf  # noqa: PLC0415  loads ezdxf, which takes half a second

        return to_dxf(plan, metres_per_pixel=metres_per_pixel)
    assert format_ == "areas", format_
    from prediction.formats.areas_csv import to_areas_csv  # noqa: PLC0415

    return to_areas_csv(plan, name, metres_per_pixel=metres_per_pixel)
