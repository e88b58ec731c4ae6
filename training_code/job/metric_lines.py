"""The lines of the log that carry figures, and the regular expressions with which CloudWatch reads them.

Standard library and dataset_contract only: the Lambdas that launch and watch a job send METRIC_DEFINITIONS along and
read the lines.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dataset_contract.sanitise import sanitise

TRAINING_FIGURES = (
    "loss",
    "loss_class",
    "loss_bbox",
    "loss_giou",
    "grad_norm",
    "lr",
    "images_per_second",
    "data_wait_share",
    "gpu_memory_gb",
    "images_per_update",
)
"""Of one window: mean losses, norm of the gradient before clipping, learning rate, speed, share of time spent
waiting for data, peak memory of the GPU, images that all processes take for an update."""

VALIDATION_FIGURES = ("ap", "ap50", "ap75", "ar", "f1", "f1_threshold")
"""COCO's average precision and recall; the best F1 at IoU 0.5 and the confidence where it is reached. Of the test split
the same, with F1 at the confidence that was the best one on the validation split."""

CLASS_FIGURES = ("ap", "ap50", "f1", "f1_threshold")
"""The same, of one class."""

_NUMBER = r"(-?[0-9.]+(?:e[+-]?[0-9]+)?)"

METRIC_DEFINITIONS: tuple[dict[str, str], ...] = tuple(
    {"Name": f"{part}:{figure}", "Regex": rf"(?m)^\[{part}\] .*\b{figure}={_NUMBER}"}
    for part, figures in (
        ("train", TRAINING_FIGURES),
        ("validation", VALIDATION_FIGURES),
        ("test", VALIDATION_FIGURES),
    )
    for figure in figures
)
"""AlgorithmSpecification.MetricDefinitions of CreateTrainingJob.

From the start of a line on, so that no name of a class or a file within a line is read as figures; (?m), since what
SageMaker searches may be one line or several.
"""

_TRAINING_LINE = re.compile(r"\[train\] step=([0-9]{1,9})/([0-9]{1,9}) epoch=([0-9]{1,9}) (.*)")
_FIGURE = re.compile(r"([a-z_]+)=(\S+)")


@dataclass(frozen=True, slots=True)
class TrainingLine:
    """What training_line() wrote."""

    step: int
    steps: int
    epoch: int
    figures: Mapping[str, float]
    """With the keys TRAINING_FIGURES; any may be infinite or not a number."""


def training_line(*, step: int, steps: int, epoch: int, figures: Mapping[str, float]) -> str:
    """One line for a window of training; `figures` has the keys TRAINING_FIGURES, `epoch` counts from 1."""
    return f"[train] step={step}/{steps} epoch={epoch} {_format(TRAINING_FIGURES, figures)}"


def read_training_line(line: str) -> TrainingLine | None:
    """The figures of a line of the log; None for any other line."""
    match = _TRAINING_LINE.fullmatch(line)
    if match is None:
        return None
    step, steps, epoch, rest = match.groups()
    try:
        figures = {name: float(value) for name, value in _FIGURE.findall(rest) if name in TRAINING_FIGURES}
    except ValueError:
        return None
    if len(figures) < len(TRAINING_FIGURES):
        return None
    return TrainingLine(int(step), int(steps), int(epoch), figures)


def validation_line(*, step: int, epoch: int, figures: Mapping[str, float]) -> str:
    """One line for an evaluation; `figures` has the keys VALIDATION_FIGURES, `epoch` counts from 1."""
    return f"[validation] step={step} epoch={epoch} {_format(VALIDATION_FIGURES, figures)}"


def test_line(*, step: int, epoch: int, figures: Mapping[str, float]) -> str:
    """The one line for the test split, of the epoch that is shipped; arguments as of validation_line."""
    return f"[test] step={step} epoch={epoch} {_format(VALIDATION_FIGURES, figures)}"


def class_line(*, step: int, name: str, figures: Mapping[str, float | None], split: str = "validation") -> str:
    """One line for a class in an evaluation, which no metric definition reads: its figures are None without a box."""
    part = "class" if split == "validation" else f"{split} class"
    name = sanitise(name, longest=200)
    if figures["ap"] is None:
        return f"[{part}] step={step} {name}: no box in the {split} split"
    return f"[{part}] step={step} {name}: {_format(CLASS_FIGURES, figures)}"


def _format(names: tuple[str, ...], figures: Mapping[str, float | None]) -> str:
    return " ".join(f"{name}={figures[name]:.5g}" for name in names)
