"""Detections as pre-labels for Label Studio: its tasks with predictions, and the labelling configuration they need.

Boxes are in per cent of the picture. Source: https://labelstud.io/guide/predictions
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import IO
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from dataset_contract.sanitise import sanitise
from drawing.boxes import colour_of
from prediction.formats.result import PlanResult

IMAGE, LABEL = "image", "label"
"""The names of the two tags of the configuration, and of the task's image."""
FOLDER = "plans"
"""The folder of the plans, in the one that Label Studio serves files from: it takes none that are directly there."""
MODEL_VERSION = "floorplan-dino"
_DIGITS = 5
"""Of per cent: a thousandth of a pixel on 10,000."""


def write_label_studio(file: IO[str], results: Callable[[], Iterator[PlanResult]], classes: Mapping[int, str]) -> None:
    """Write one task a plan, one plan at a time in memory."""
    del classes
    file.write("[")
    for number, result in enumerate(results()):
        task = {
            "data": {IMAGE: f"/data/local-files/?d={quote(f'{FOLDER}/{result.plan}')}"},
            "predictions": [{"model_version": MODEL_VERSION, "result": _rectangles(result)}],
        }
        file.write(f"{',' if number else ''}\n{json.dumps(task, ensure_ascii=False)}")
    file.write("\n]\n")


def write_label_config(file: IO[str], results: Callable[[], Iterator[PlanResult]], classes: Mapping[int, str]) -> None:
    """Write the labelling configuration: the picture, and a rectangle with a class of the model."""
    del results
    names = list(classes.values())
    labels = "".join(
        f"    <Label value={quoteattr(sanitise(name))} background="
        f"{quoteattr('#{:02x}{:02x}{:02x}'.format(*colour_of(name, names)))}/>\n"
        for name in names
    )
    file.write(
        f'<View>\n  <Image name="{IMAGE}" value="${IMAGE}" zoom="true"/>\n'
        f'  <RectangleLabels name="{LABEL}" toName="{IMAGE}">\n{labels}  </RectangleLabels>\n</View>\n'
    )


def _rectangles(result: PlanResult) -> list[dict[str, object]]:
    rectangles = []
    for number, each in enumerate(result.detections, 1):
        x0, y0, x1, y1 = each.box
        across, down = 100 / result.width, 100 / result.height
        value = {"x": x0 * across, "y": y0 * down, "width": (x1 - x0) * across, "height": (y1 - y0) * down}
        rectangles.append(
            {
                "id": f"box-{number}",
                "type": "rectanglelabels",
                "from_name": LABEL,
                "to_name": IMAGE,
                "original_width": result.width,
                "original_height": result.height,
                "image_rotation": 0,
                "score": round(each.score, 4),
                "value": {
                    **{name: round(share, _DIGITS) for name, share in value.items()},
                    "rotation": 0,
                    "rectanglelabels": [sanitise(each.label)],
                },
            }
        )
    return rectangles
