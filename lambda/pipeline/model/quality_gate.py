"""The gate: what a model must reach to be registered. To miss it is an outcome, not a failure.

judgement.py calls it for the last stage only; an earlier one must be healthy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import RequestInvalid
from pipeline.model.artifact_metrics import StageMetrics
from pipeline.name_list import name_list
from pipeline.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedModel:
    """The last model that somebody approved in the registry."""

    arn: str
    ap: float | None
    """None: it was not registered by this pipeline, so its AP is unknown."""
    dataset_version: str | None


def gate_of(request: Request, classes: Sequence[str], unmeasured: Sequence[str]) -> tuple[dict[str, float], list[str]]:
    """The gate for a data set of these classes, and a sentence on what of the deployment's default does not apply.

    `unmeasured` are those of the classes that the validation split has no box of, but crowds.
    Raises RequestInvalid if the request's own gate names a class that the data set lacks, or the gate one of these:
    no model could meet it.
    """
    untold = [name for name in request.quality_gate if name in unmeasured]
    if untold:
        raise RequestInvalid(
            f"The quality gate asks for the F1 of {name_list(untold)}, but the validation split has no box of it, or "
            "crowds only: upload a data set that has, or start again with another quality_gate, such as {}."
        )
    absent = [name for name in request.quality_gate if name not in classes]
    if absent and not request.gate_is_default:
        raise RequestInvalid(
            f"The input's field quality_gate names {name_list(absent)}, but the data set's classes are "
            f"{name_list(classes)}: start again with a gate for these, or with {{}}."
        )
    note = f"The deployment's default gate for {name_list(absent)} does not apply: the data set has no such class."
    return {name: least for name, least in request.quality_gate.items() if name in classes}, [note] if absent else []


def shortfalls(
    metrics: StageMetrics, *, gate: Mapping[str, float], accepted: AcceptedModel | None, dataset_version: str
) -> list[str]:
    """One sentence for each thing that the model does not reach; none if it may be registered.

    `gate` is class name -> least F1 at IoU 0.5.
    """
    found = []
    for name, least in gate.items():
        f1 = metrics.f1_by_class.get(name)
        if name not in metrics.f1_by_class:
            known = name_list([*metrics.f1_by_class], most=20) or "none"
            found.append(f"The gate asks for the F1 of {name}, but the model's classes are {known}.")
        elif f1 is None:
            found.append(f"The gate asks for the F1 of {name}, but the validation split has no box of it.")
        elif f1 < least:
            rule = "on the validation split at its best threshold, at IoU 0.5"
            found.append(f"The F1 of {name} is {f1:.4f} {rule}, below {least:g}.")
    if accepted is not None and accepted.ap is not None and metrics.ap < accepted.ap:
        other = "" if accepted.dataset_version == dataset_version else ", which was judged on another data-set version"
        found.append(f"The AP is {metrics.ap:.4f}, below the {accepted.ap:.4f} of the accepted {accepted.arn}{other}.")
    return found
