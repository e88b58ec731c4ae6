"""A plan as DXF for CAD: walls as closed polylines with centre lines, rooms with their areas, y upwards."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import ezdxf
from ezdxf import units
from ezdxf.enums import TextEntityAlignment

from prediction.formats.measures import area_text, check_scale
from prediction.vectors.plan import FloorPlan, Point, corners

WALLS, CENTRE_LINES, ROOMS, AREAS, OPENINGS = LAYERS = ("WALLS", "CENTRE_LINES", "ROOMS", "AREAS", "OPENINGS")
"""Walls' bodies, their centre lines, rooms, their numbers and areas as text, doors and windows."""
_COLOURS = {WALLS: 7, CENTRE_LINES: 1, ROOMS: 5, AREAS: 5, OPENINGS: 3}
"""AutoCAD's: black or white, red, blue, green."""
_VERSION = "R2010"
_DIGITS = 6
_METADATA = Lock()
_TEXT_SHARE = 1 / 60
"""Height of the texts in the longer side of the picture."""


def to_dxf(plan: FloorPlan, *, metres_per_pixel: float | None = None) -> bytes:
    """The drawing in metres, or without a scale in pixels and without a unit; its origin is the lower left corner.

    Layers without content are there, too, but OPENINGS only if the plan has some.

    Raises ValueError: see check_scale().
    """
    check_scale(metres_per_pixel)
    scale, height = metres_per_pixel or 1.0, plan.size[1]

    def at(point: Point) -> Point:
        return round(point[0] * scale, _DIGITS), round((height - point[1]) * scale, _DIGITS)

    with _fixed_metadata():
        document = ezdxf.new(_VERSION, units=units.M if metres_per_pixel else 0)
        document.linetypes.add("CENTER", [2.0, 1.25, -0.25, 0.25, -0.25], description="Center ____ _ ____ _ ____")
        for layer in LAYERS if plan.openings else LAYERS[:-1]:
            line = "CENTER" if layer == CENTRE_LINES else "Continuous"
            document.layers.add(layer, color=_COLOURS[layer], linetype=line)
        document.header["$LTSCALE"] = scale * max(plan.size) / 100
        space = document.modelspace()
        extents = (0, 0, 0), (*at((plan.size[0], 0)), 0)
        space.reset_extents(*extents)
        document.header["$EXTMIN"], document.header["$EXTMAX"] = extents  # which ezdxf takes over unless one is at 0
        for wall in plan.walls:
            space.add_lwpolyline(map(at, corners(wall.body)), close=True, dxfattribs={"layer": WALLS})
            space.add_line(at(wall.start), at(wall.end), dxfattribs={"layer": CENTRE_LINES})
        for opening in plan.openings:
            space.add_lwpolyline(map(at, corners(opening.box)), close=True, dxfattribs={"layer": OPENINGS})
        text_height = max(plan.size) * scale * _TEXT_SHARE
        for number, room in enumerate(plan.rooms, start=1):
            for ring in (room.exterior, *room.holes):
                space.add_lwpolyline(map(at, ring), close=True, dxfattribs={"layer": ROOMS})
            marked = "" if room.outline == "walls" else " (box)"
            text = space.add_text(
                f"Room {number}{marked}: {area_text(room, metres_per_pixel)}",
                height=text_height,
                dxfattribs={"layer": AREAS},
            )
            text.set_placement(at(room.inside), align=TextEntityAlignment.MIDDLE_CENTER)
        for name in sorted(document.entitydb.dxf_types_in_use()):  # a set, in whose order ezdxf would add them
            document.classes.add_class(name)
        written = io.StringIO()
        document.write(written)
    return document.encode(written.getvalue())


@contextmanager
def _fixed_metadata() -> Iterator[None]:
    """Lets ezdxf write a fixed date and fixed ids, so that equal plans give equal bytes."""
    with _METADATA:
        before = ezdxf.options.write_fixed_meta_data_for_testing
        ezdxf.options.write_fixed_meta_data_for_testing = True
        try:
            yield
        finally:
            ezdxf.options.write_fixed_meta_data_for_testing = before
