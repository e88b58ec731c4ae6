"""Draws the loss and the F1 of a training over its steps, from history.jsonl and metrics.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dataset_contract.atomic_write import atomic_path
from dataset_contract.bounded_json import parse_bounded, read_at_most
from runs.errors import RunsError
from training_code.job.checkpoint_layout import HISTORY, MAX_METRICS_BYTES, METRICS

_SCORES = {"mean_f1": ("mean F1, which chooses the epoch", "#1f77b4"), "f1": ("F1 of all boxes", "#2ca02c")}
_INK, _PALE, _GRID = "#1c2430", "#b9c6d6", "#dfe4ea"


MAX_HISTORY_BYTES = 500_000_000
"""Some 2,000,000 steps have that many; 50 epochs of 3,000 plans have 75,000 steps."""


@dataclass(frozen=True, slots=True)
class TrainingCurves:
    """What is drawn of one training."""

    losses: Sequence[float]
    """The total loss of each step."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """As in metrics.json: the best epoch's `epoch` and `step`, and `evaluations`; empty before the first one."""


def read_curves(folder: Path) -> TrainingCurves:
    """What history.jsonl and metrics.json in `folder` hold; nothing of a file that is not there.

    Raises RunsError if one is not what the trainer writes.
    """
    history, metrics = folder / HISTORY, folder / METRICS
    try:
        lines = _content(history, MAX_HISTORY_BYTES).splitlines()
        found = parse_bounded(_content(metrics, MAX_METRICS_BYTES) or b"{}")
        evaluations = [each for each in found.get("evaluations", []) if each.keys() >= {"step", *_SCORES}]
        return TrainingCurves(
            [float(parse_bounded(line)["loss"]) for line in lines], {**found, "evaluations": evaluations}
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunsError(
            f"The loss and the F1 cannot be drawn, as {HISTORY} or {METRICS} of the training is damaged"
            f" ({type(error).__name__}: {error}): delete both in S3 to fetch the rest."
        ) from None


def _content(path: Path, most: int) -> bytes:
    """Of a file that need not be there. Raises JsonError if it has more than `most` bytes."""
    if not path.exists():
        return b""
    with path.open("rb") as file:
        return read_at_most(file, most)


def draw_curves(curves: TrainingCurves) -> Figure:
    """The loss above, F1 on the validation split below where there was an evaluation."""
    evaluations = curves.metrics.get("evaluations", [])
    with mpl.rc_context({"font.size": 11}):
        figure = Figure(figsize=(10, 6 if evaluations else 3.4), layout="constrained")
        axes = figure.subplots(2 if evaluations else 1, sharex=True, squeeze=False)[:, 0]
        _draw_losses(axes[0], curves.losses)
        if evaluations:
            _draw_scores(axes[1], evaluations, curves.metrics)
        for each in axes:
            each.spines[["top", "right"]].set_visible(False)
            each.grid(axis="y", color=_GRID)
            each.legend(frameon=False)
        axes[-1].set(xlabel="step", xlim=(0, max(2, len(curves.losses))))
    return figure


def curves_png(curves: TrainingCurves, path: Path) -> None:
    """Write the drawing as a PNG, whole or not at all."""
    with atomic_path(path) as temporary:
        draw_curves(curves).savefig(temporary, format="png", dpi=100)


def _draw_losses(axes: Axes, losses: Sequence[float]) -> None:
    window = max(1, len(losses) // 20)
    sums = np.cumsum([0.0, *losses])
    ends = np.arange(1, len(losses) + 1)
    starts = np.maximum(0, ends - window)
    axes.plot(ends, losses, color=_PALE, linewidth=1, label="each step")
    axes.plot(
        ends, (sums[ends] - sums[starts]) / (ends - starts), color=_INK, linewidth=2, label=f"mean of {window} steps"
    )
    axes.set(ylabel="total loss", ylim=(0, None))


def _draw_scores(axes: Axes, evaluations: Sequence[Mapping[str, Any]], best: Mapping[str, Any]) -> None:
    steps = [each["step"] for each in evaluations]
    for name, (label, colour) in _SCORES.items():
        axes.plot(steps, [each[name] for each in evaluations], color=colour, marker="o", markersize=4, label=label)
    if "step" in best:
        label = f"best epoch: {best['epoch']}, mean F1 {best['mean_f1']:.3f}"
        axes.axvline(best["step"], color=_INK, linestyle=":", label=label)
    axes.set(ylabel="validation split", ylim=(0, 1))
