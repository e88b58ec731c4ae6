"""The plans that the page shows: predicted on once, drawn and written again for each threshold."""

from __future__ import annotations

import io
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from dataset_contract.bounded_json import parse_bounded
from dataset_contract.sanitise import sanitise
from prediction.command.model import Model
from prediction.formats.detections_csv import write_csv
from prediction.formats.plan_files import geometry_of, plan_file
from prediction.formats.registry import PER_PLAN
from prediction.formats.result import PlanResult
from prediction.formats.svg import LONGEST_SIDE
from prediction.plans.errors import PlanError
from prediction.plans.pages import open_pages
from prediction.tiled import Views, look

if TYPE_CHECKING:
    from prediction.predictor import Detection

LOWEST = 0.05
"""Confidence below which no box is kept: the page's thresholds begin there, or at the model's own where it is lower."""
MOST_PLANS = 4
"""Kept at a time; with the next one the oldest is forgotten."""
FILES = {**PER_PLAN, "csv": ".csv"}
"""What can be downloaded: the end of the file's name by format."""


@dataclass(frozen=True, slots=True)
class ShownPlan:
    """One page of a plan with all that the model found on it."""

    name: str
    """Printable."""
    page: int
    """From 1 on."""
    pages: int
    views: Views
    picture: Image.Image
    """Upright, at most LONGEST_SIDE pixels wide and high."""

    def result(self, thresholds: Mapping[str, float]) -> tuple[PlanResult, int]:
        """What counts at these thresholds by class, and on how many pictures the model may have more."""

        def counts(each: Detection) -> bool:
            return each.score >= thresholds[each.label]

        found = self.views.join(counts)
        return PlanResult(self.name, *self.views.size, found.detections), found.full


def predict_page(model: Model, data: bytes, name: str, page: int) -> ShownPlan:
    """Predict on page `page`, from 1 on, of a file. Raises PlanError or ImageError: the message ends "<plan> ..."."""
    with open_pages(data) as pages:
        if not 1 <= page <= len(pages):
            raise PlanError(f"has no page {page}")
        number = len(pages)
        picture = pages.picture(page - 1)
    lowest = lowest_threshold(model)

    def predict(picture: Image.Image) -> tuple[list[Detection], bool]:
        found = model.predictor.predict(picture, threshold=0.0)
        kept = [each for each in found if each.score >= lowest]
        return kept, len(kept) == len(found)

    def counts(each: Detection) -> bool:
        return each.score >= model.thresholds[each.label]

    views = look(predict, picture, model.tile_side(picture.size, "auto"), always=False, counts=counts)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return ShownPlan(sanitise(name, longest=200), page, number, views, picture)


def lowest_threshold(model: Model) -> float:
    """From which on the page can set a threshold."""
    return min(LOWEST, *model.thresholds.values())


def drawing(plan: ShownPlan, thresholds: Mapping[str, float], metres_per_pixel: float | None) -> dict[str, Any]:
    """What the page draws and tells: the GeoJSON, beside it where walls' bodies and rooms' labels are, and counts."""
    result, full = plan.result(thresholds)
    geometry = geometry_of(result)
    geojson = plan_file(
        "geojson", geometry, plan.name, picture=None, metres_per_pixel=metres_per_pixel, normalised=False
    )
    return {
        "plan": parse_bounded(geojson),
        "bodies": [wall.body for wall in geometry.walls],
        "labels": [room.inside for room in geometry.rooms],
        "boxes": len(result.detections),
        "full": full,
    }


def written(
    plan: ShownPlan, format_: str, thresholds: Mapping[str, float], metres_per_pixel: float | None, model: Model
) -> bytes:
    """The file of a format of FILES."""
    result, _ = plan.result(thresholds)
    if format_ == "csv":
        text = io.StringIO(newline="")
        write_csv(text, lambda: iter([result]), model.classes)
        return text.getvalue().encode()
    return plan_file(
        format_,
        geometry_of(result),
        plan.name,
        picture=plan.picture,
        metres_per_pixel=metres_per_pixel,
        normalised=False,
    )


class ShownPlans:
    """The latest MOST_PLANS, by an id that is given to each."""

    def __init__(self) -> None:
        self._plans: OrderedDict[str, ShownPlan] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, plan: ShownPlan) -> str:
        """Keep it; return its id."""
        name = secrets.token_hex(8)
        with self._lock:
            self._plans[name] = plan
            if len(self._plans) > MOST_PLANS:
                self._plans.popitem(last=False)
        return name

    def get(self, name: str) -> ShownPlan | None:
        """The plan with this id; None if it was forgotten."""
        with self._lock:
            return self._plans.get(name)
