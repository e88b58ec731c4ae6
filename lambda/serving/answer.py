"""The answer about a plan: what the model found, as JSON, as SVG over the plan, and as a picture with its boxes."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from dataset_contract.sanitise import sanitise, written_name
from prediction.formats.drawing import to_drawing
from prediction.formats.geojson import to_geojson
from prediction.formats.plan_files import geometry_of
from prediction.formats.result import PlanResult
from prediction.formats.svg import to_svg
from prediction.predictor import Detection
from prediction.thresholds import counting, usual_thresholds
from prediction.tiled import Predict, predict_tiled
from prediction.tiling import auto_side
from serving.errors import PlanRefused
from serving.model_in_use import ServedModel
from serving.plan_reading import open_plan

FORMAT = "floorplan-dino-answer/1"
_RESERVE_SECONDS = 15.0
"""What is left of the function's time for the drawings and the upload."""

RemainingSeconds = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Answer:
    """The files of one plan."""

    json: bytes
    svg: bytes
    picture: bytes
    """PNG."""
    objects: int
    """How many detections count."""


def answer_plan(
    data: bytes, name: str, model: ServedModel, *, files: Mapping[str, str], remaining: RemainingSeconds
) -> Answer:
    """Predict on the plan with these bytes, which is called `name`. Raises PlanRefused.

    The JSON tells `files`, where SVG and picture will be. `remaining` tells the seconds that the function has left.
    """
    started = time.monotonic()
    picture = open_plan(data, name)
    settings = model.predictor.settings
    thresholds = usual_thresholds(settings)
    predict = _within_time(counting(model.predictor, thresholds), name, remaining)
    found = predict_tiled(predict, picture, auto_side(picture.size, settings.max_side), always=False)
    result = PlanResult(written_name(name), picture.width, picture.height, found.detections)
    plan = geometry_of(result)
    notes = list(plan.notes)
    if found.full:
        notes.append("The model found as many objects as it can, so there may be more: predict on parts of the plan.")
    answer = {
        "format": FORMAT,
        "plan": {
            "name": result.plan,
            "width": result.width,
            "height": result.height,
            "sha256": hashlib.sha256(data).hexdigest(),
        },
        "model": {
            "package_arn": model.approved.arn,
            "version": model.approved.version,
            "uri": model.approved.model_uri,
            "thresholds": thresholds,
        },
        "detections": [
            {"label": sanitise(each.label), "score": round(each.score, 4), "box": [round(edge, 2) for edge in each.box]}
            for each in found.detections
        ],
        "vectors": json.loads(to_geojson(plan, result.plan)),
        "tiles": found.tiles,
        "notes": notes,
        "files": dict(files),
        "seconds": round(time.monotonic() - started, 3),
    }
    return Answer(
        json=json.dumps(answer, allow_nan=False).encode(),
        svg=to_svg(plan, result.plan, image=picture),
        picture=to_drawing(picture, result, list(settings.classes.values())),
        objects=len(found.detections),
    )


def _within_time(predict: Predict, name: str, remaining: RemainingSeconds) -> Predict:
    """`predict`, which raises PlanRefused when the next part, as slow as the slowest so far, would end too late."""
    slowest = 0.0

    def predict_in_time(part: Image.Image) -> tuple[Sequence[Detection], bool]:
        nonlocal slowest
        before = remaining()
        if before < slowest + _RESERVE_SECONDS:
            raise PlanRefused(
                f"{name} is so large that its tiles take longer than the function may: save it smaller, or predict on "
                "it with `python -m prediction`."
            )
        found = predict(part)
        slowest = max(slowest, before - remaining())
        return found

    return predict_in_time
