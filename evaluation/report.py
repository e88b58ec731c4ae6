"""Writes report.html, one page that needs no other file, and labels.csv: a comparison as a person looks at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_contract.report_html import STYLE
from dataset_prep.pages import page_environment
from drawing.errors import STYLES
from evaluation.breakdowns import PlanScore
from evaluation.comparison import Comparison, ModelResult
from evaluation.curves import colour_of_model, draw_curves
from evaluation.detections import Truth
from evaluation.labels import CERTAIN_FROM, SuspectLabel, find_suspect_labels
from evaluation.labels_csv import labels_csv
from evaluation.report_pictures import draw_label, draw_plan
from evaluation.report_tables import (
    confusion_table,
    difference_tables,
    error_rows,
    figure_tables,
    folder_rows,
    plan_size_rows,
    size_rows,
)
from evaluation.rules import COCO
from evaluation.sentences import difference_sentences, leading_sentences, model_sentences, notes

TEMPLATE = Path(__file__).with_name("report.html.jinja")
OWN_STYLE = Path(__file__).with_name("report.css")
PLANS_SHOWN = 6
"""Of the best, of the worst, and of those on which models disagree."""
LABELS_SHOWN = 24
FOLDERS_SHOWN = 12
REPORT, LABELS = "report.html", "labels.csv"


def report_files(comparison: Comparison) -> dict[str, str]:
    """The content of report.html and labels.csv, by name; the same comparison gives the same files."""
    labels, truths = find_suspect_labels(comparison)
    shown = [
        _label(label) | {"uri": draw_label(comparison, truths[label.split], label)} | _annotation(label, truths)
        for label in labels[:LABELS_SHOWN]
    ]
    told = {
        "notes": notes(comparison),
        "labels": shown,
        "label_count": len(labels),
        "label_splits": list(truths),
    }
    return {LABELS: labels_csv(labels, truths), REPORT: _page(comparison, told)}


def _page(comparison: Comparison, given: Mapping[str, object]) -> str:
    truth, several = comparison.truth, len(comparison.models) > 1
    by_coco = COCO in comparison.rules
    differences = difference_sentences(comparison)
    leading = differences if len(comparison.models) <= 2 else leading_sentences(comparison)
    return (
        page_environment()
        .from_string(TEMPLATE.read_text())
        .render(
            given,
            style=STYLE + OWN_STYLE.read_text(),
            title="Which model is better" if several else "How good the model is",
            split=comparison.split,
            plans=len(truth.plans),
            boxes=int((~truth.crowd).sum()),
            sentences=[*leading, *model_sentences(comparison)],
            further_sentences=[each for each in differences if each not in leading],
            models=[
                {"name": result.name, "number": number, "colour": colour_of_model(number)}
                for number, result in enumerate(comparison.models)
            ],
            figures=list(figure_tables(comparison)),
            differences=list(difference_tables(comparison)),
            by_coco=by_coco,
            errors=error_rows(comparison),
            confusions=[(result.name, confusion_table(comparison, result)) for result in comparison.models],
            classes=truth.classes,
            sizes=size_rows(comparison),
            groups=plan_size_rows(comparison),
            folders=folder_rows(comparison)[:FOLDERS_SHOWN],
            folder_count=len(folder_rows(comparison)),
            plots=draw_curves(comparison) if by_coco else [],
            shown_plans=[_plans(comparison, result) for result in comparison.models] if by_coco else [],
            disagreements=list(_disagreements(comparison)) if by_coco else [],
            styles={style: f"rgb{colour}" for style, (colour, _) in STYLES.items()},
            certain_from=f"{100 * CERTAIN_FROM:.0f}",
        )
    )


def _plans(comparison: Comparison, result: ModelResult) -> dict[str, Any]:
    """The worst and the best plans of a model; no plan twice where there are few."""
    worst = result.worst[:PLANS_SHOWN]
    known = {each.plan for each in worst}
    best = [each for each in result.best if each.plan not in known][:PLANS_SHOWN]
    return {
        "model": result.name,
        "worst": _drawn(comparison, result, worst),
        "best": _drawn(comparison, result, best),
    }


def _drawn(comparison: Comparison, result: ModelResult, scores: Sequence[PlanScore]) -> list[dict[str, Any]]:
    return [
        {
            "image_id": comparison.truth.plans[each.plan].id,
            "f1": f"{each.f1:.2f}",
            "picture": draw_plan(comparison, result, each.plan),
        }
        for each in scores
    ]


def _disagreements(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for each in comparison.disagreements[:PLANS_SHOWN]:
        pictures = [
            {"model": result.name, "errors": errors, "picture": draw_plan(comparison, result, each.plan)}
            for result, errors in zip(comparison.models, each.errors, strict=True)
        ]
        yield {"image_id": comparison.truth.plans[each.plan].id, "models": pictures}


def _label(label: SuspectLabel) -> dict[str, Any]:
    return {
        "contradiction": label.contradiction,
        "split": label.split,
        "found_class": label.found_class,
        "certainty": f"{100 * label.certainty:.0f}",
        "score": f"{label.score:.2f}",
        "models": ", ".join(label.models),
    }


def _annotation(label: SuspectLabel, truths: Mapping[str, Truth]) -> dict[str, Any]:
    truth = truths[label.split]
    plan = truth.plans[label.plan]
    known: dict[str, Any] = {"image_id": plan.id, "file_name": plan.file_name, "annotation_id": None, "class": ""}
    if label.truth is not None:
        known["annotation_id"] = int(truth.annotation_ids[label.truth])
        known["class"] = truth.classes[truth.label[label.truth]]
    return known
