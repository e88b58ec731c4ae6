"""Detections as pre-labels for CVAT: its own XML for images, and the labels that a task must have.

CVAT finds each image by its name, with folders, in the task that the file is uploaded to; if the task has no such name,
it takes the image of that number. Source: https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import IO
from xml.sax.saxutils import quoteattr

from dataset_contract.sanitise import sanitise
from drawing.boxes import colour_of
from prediction.formats.result import PlanResult


def write_cvat(file: IO[str], results: Callable[[], Iterator[PlanResult]], classes: Mapping[int, str]) -> None:
    """Write "CVAT for images 1.1", one plan at a time in memory: a rectangle for each detection, as if drawn there."""
    del classes  # the labels are the task's
    file.write('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n')
    for number, result in enumerate(results()):
        size = f'width="{result.width}" height="{result.height}"'
        file.write(f'<image id="{number}" name={quoteattr(result.plan)} {size}>\n')
        for each in result.detections:
            x0, y0, x1, y1 = (f"{value:.2f}" for value in each.box)
            corners = f'xtl="{x0}" ytl="{y0}" xbr="{x1}" ybr="{y1}"'
            file.write(
                f'<box label={quoteattr(sanitise(each.label))} source="auto" occluded="0" {corners} z_order="0"/>\n'
            )
        file.write("</image>\n")
    file.write("</annotations>\n")


def write_cvat_labels(file: IO[str], results: Callable[[], Iterator[PlanResult]], classes: Mapping[int, str]) -> None:
    """Write the classes as the raw labels that one pastes where CVAT's task or project is made."""
    del results
    names = list(classes.values())
    labels = [
        {
            "name": sanitise(name),
            "color": "#{:02x}{:02x}{:02x}".format(*colour_of(name, names)),
            "type": "rectangle",
            "attributes": [],
        }
        for name in names
    ]
    file.write(json.dumps(labels, ensure_ascii=False, indent=1) + "\n")
