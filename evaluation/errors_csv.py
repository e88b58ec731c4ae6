"""Every error of every model as one line of errors.csv, for a spreadsheet or a labelling tool."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from dataset_contract.sanitise import text_cell
from evaluation.comparison import Comparison, ModelResult
from evaluation.detections import Truth

COLUMNS = (
    "model",
    "kind",
    "image_id",
    "file_name",
    "class",
    "score",
    "x",
    "y",
    "width",
    "height",
    "annotation_id",
    "annotation_class",
    "iou",
)
"""The box is the false one, or the true one that is missed. The annotation is what it is about; none for background."""


def errors_csv(comparison: Comparison) -> str:
    """The text of the file: a header, then by model the false boxes and the missed ones."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in comparison.models:
        writer.writerows(_false_rows(comparison.truth, result))
        writer.writerows(_missed_rows(comparison.truth, result))
    return text.getvalue()


def _false_rows(truth: Truth, result: ModelResult) -> Iterator[tuple[object, ...]]:
    found = result.detections
    for error in result.errors.false:
        plan, row = truth.plans[found.plan[error.detection]], error.detection
        about = ("", "", "")
        if error.truth is not None:
            name = truth.classes[truth.label[error.truth]]
            about = (str(truth.annotation_ids[error.truth]), text_cell(name), f"{error.iou:.3f}")
        name = truth.classes[found.label[row]]
        given = (text_cell(result.name), error.kind, plan.id, text_cell(plan.file_name), text_cell(name))
        yield (*given, f"{found.scores[row]:.4f}", *box_cells(found.boxes[row]), *about)


def _missed_rows(truth: Truth, result: ModelResult) -> Iterator[tuple[object, ...]]:
    for row in result.errors.missed:
        plan, name = truth.plans[truth.plan[row]], text_cell(truth.classes[truth.label[row]])
        given = (text_cell(result.name), "missed", plan.id, text_cell(plan.file_name), name, "")
        yield (*given, *box_cells(truth.boxes[row]), truth.annotation_ids[row], name, "")


def box_cells(box: Iterable[float]) -> list[str]:
    """x, y, width, height in pixels, to a hundredth."""
    return [f"{value:.2f}" for value in box]
