"""The labels to look at as labels.csv, for a spreadsheet or a labelling tool: one line each, the most certain first."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from dataset_contract.sanitise import text_cell
from evaluation.detections import Truth
from evaluation.errors_csv import box_cells
from evaluation.labels import SuspectLabel

COLUMNS = (
    "contradiction",
    "split",
    "image_id",
    "file_name",
    "annotation_id",
    "annotation_class",
    "annotation_x",
    "annotation_y",
    "annotation_width",
    "annotation_height",
    "class",
    "x",
    "y",
    "width",
    "height",
    "score",
    "certainty",
    "models",
)
"""The annotation is empty where a box is missing; class, box and score are the model's."""


def labels_csv(labels: Sequence[SuspectLabel], truths: Mapping[str, Truth]) -> str:
    """The text of the file; `truths` are the true boxes by split."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in labels:
        truth = truths[each.split]
        plan = truth.plans[each.plan]
        annotation = [""] * 6
        if each.truth is not None:
            name = text_cell(truth.classes[truth.label[each.truth]])
            annotation = [str(truth.annotation_ids[each.truth]), name, *box_cells(truth.boxes[each.truth].tolist())]
        writer.writerow(
            [
                each.contradiction,
                each.split,
                plan.id,
                text_cell(plan.file_name),
                *annotation,
                text_cell(each.found_class),
                *box_cells(each.found),
                f"{each.score:.4f}",
                f"{each.certainty:.3f}",
                text_cell("; ".join(each.models)),
            ]
        )
    return text.getvalue()
