"""Detections as one CSV file for a spreadsheet: a line each."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from typing import IO

from dataset_contract.sanitise import text_cell
from prediction.formats.result import PlanResult

COLUMNS = ("plan", "plan_width", "plan_height", "class", "score", "x0", "y0", "x1", "y1")
"""The plan's size and the box in pixels of the upright picture."""


def write_csv(file: IO[str], results: Callable[[], Iterator[PlanResult]], classes: Mapping[int, str]) -> None:
    """Write a header and the lines to `file`, one plan at a time in memory."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in results():
        plan = (text_cell(result.plan), result.width, result.height)
        for each in result.detections:
            box = (f"{value:.2f}" for value in each.box)
            writer.writerow((*plan, text_cell(each.label), f"{each.score:.4f}", *box))
