"""The lines of the log that carry figures, and the regular expressions with which CloudWatch reads them.

Standard library only: the Lambda that launches a job sends METRIC_DEFINITIONS along.
"""

from collections.abc import Mapping

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
)
"""Of one interval: mean losses, norm of the gradient before clipping, learning rate, speed, share of time spent
waiting for data, peak memory of the GPU."""

VALIDATION_FIGURES = ("ap", "ap50", "ap75", "ar", "f1", "f1_threshold")
"""COCO's average precision and recall; the best F1 at IoU 0.5 and the confidence where it is reached."""

_NUMBER = r"(-?[0-9.]+(?:e[+-]?[0-9]+)?)"

METRIC_DEFINITIONS: tuple[dict[str, str], ...] = tuple(
    {"Name": f"{part}:{figure}", "Regex": rf"\[{part}\] .*\b{figure}={_NUMBER}"}
    for part, figures in (("train", TRAINING_FIGURES), ("validation", VALIDATION_FIGURES))
    for figure in figures
)
"""AlgorithmSpecification.MetricDefinitions of CreateTrainingJob."""


def training_line(*, step: int, steps: int, epoch: int, figures: Mapping[str, float]) -> str:
    """One line for an interval of training; `figures` has the keys TRAINING_FIGURES, `epoch` counts from 1."""
    return f"[train] step={step}/{steps} epoch={epoch} {_format(TRAINING_FIGURES, figures)}"


def validation_line(*, step: int, epoch: int, figures: Mapping[str, float]) -> str:
    """One line for an evaluation; `figures` has the keys VALIDATION_FIGURES, `epoch` counts from 1."""
    return f"[validation] step={step} epoch={epoch} {_format(VALIDATION_FIGURES, figures)}"


def _format(names: tuple[str, ...], figures: Mapping[str, float]) -> str:
    return " ".join(f"{name}={figures[name]:.5g}" for name in names)
