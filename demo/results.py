"""Writes build/demo/index.html and build/demo/summary.json from what the demo produced."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_contract.atomic_write import write_atomically
from dataset_contract.layout import MANIFEST
from dataset_contract.manifest import Manifest, parse_manifest
from demo.gallery import Pictures
from demo.page import Page
from demo.phases import Phase
from demo.serving import ServedPlans
from demo.summary import Summary
from demo.trained_model import TrainedModel
from demo.vectors import VectorPlan
from runs.execution_follower import ExecutionSummary, TrainingJobSummary

_BESIDE_THE_PAGE = ("evaluation", "model", "serving", "vectors")
"""Folders that a demo writes into the page's."""


def remove_earlier(folder: Path) -> None:
    """Remove what an earlier demo, on other plans, has left beside its page: this one may not write all of it."""
    for name in _BESIDE_THE_PAGE:
        shutil.rmtree(folder / name, ignore_errors=True)


def read_manifest(dataset_root: Path) -> Manifest:
    """The manifest of a data set that dataset_prep/run.py has just written and checked."""
    manifest, findings = parse_manifest((dataset_root / MANIFEST).read_bytes())
    assert manifest is not None, findings
    return manifest


def write_results(
    folder: Path,
    *,
    manifest: Manifest,
    generated: bool,
    preset: str,
    execution: ExecutionSummary,
    job: TrainingJobSummary,
    model: TrainedModel,
    pictures: Pictures,
    vectors: VectorPlan | None,
    served: ServedPlans | None,
    request: Mapping[str, Any],
    report: Path | None,
    phases: Sequence[Phase],
    training_phase: str,
    stack_outputs: Mapping[str, str],
) -> Path:
    """Write the page and the summary into `folder`, each whole or not at all; return the page's path."""
    summary = Summary(
        execution_arn=execution.arn,
        execution_status=execution.status,
        training_job_name=job.name,
        training_job_status=job.status,
        steps=len(model.losses),
        first_loss=model.losses[0],
        last_loss=model.losses[-1],
        model_artifact=job.model_artifact,
        dataset=manifest.counts,
        phases=list(phases),
        stack_outputs=dict(stack_outputs),
    )
    page = Page(
        summary=summary,
        preset=preset,
        generated=generated,
        classes=manifest.classes,
        states=execution.states,
        pictures=pictures,
        vectors=vectors,
        served=served,
        request=json.dumps(request),
        report=None if report is None else report.relative_to(folder).as_posix(),
        losses=model.losses,
        metrics=model.metrics,
        training_phase=training_phase,
        instance_type=job.instance_type,
        billable_seconds=job.billable_seconds,
    )
    folder.mkdir(exist_ok=True)
    write_atomically(folder / "index.html", page.to_html())
    write_atomically(folder / "summary.json", summary.to_json())
    return folder / "index.html"
