"""What a person may choose of a comparison, whatever the models are: the options that commands share."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_contract.layout import SPLITS
from evaluation.refusal import EvaluationUsageError
from evaluation.rules import RULES
from terminal.confidence import parse_confidence

_BOTH = "both"


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for."""

    data: Path
    models: Mapping[str, Sequence[str]]
    """By name: where its detections are."""
    names: Mapping[str, str]
    """The class names of a model's file, by the models that have some."""
    split: str
    classes: tuple[str, ...] | None
    thresholds: Mapping[str, float]
    """By the names of those that have one."""
    rules: tuple[str, ...]
    to: Path
    json: bool


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add those that do not say what is compared."""
    parser.add_argument("--split", choices=SPLITS, default="test", help="default: test")
    parser.add_argument("--classes", metavar="NAMES", help="only these classes of the data set")
    parser.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="[NAME=]best|CONFIDENCE",
        help="from which confidence on a box counts; best: chosen on the validation split (default)",
    )
    parser.add_argument("--rule", choices=(*RULES, _BOTH), default=_BOTH, help="how boxes are counted (default: both)")
    parser.add_argument(
        "--to",
        type=Path,
        default=Path("build/evaluation"),
        metavar="DIR",
        help="where report.html and the files beside it go (default: build/evaluation)",
    )
    parser.add_argument("--json", action="store_true", help="print what metrics.json holds, in place of tables")


def read_options(
    given: argparse.Namespace,
    *,
    data: Path,
    models: Mapping[str, Sequence[str]],
    names: Mapping[str, str] | None = None,
) -> Options:
    """The options that add_options() added. Raises EvaluationUsageError."""
    classes = None
    if given.classes is not None:
        classes = tuple(name.strip() for name in given.classes.split(","))
        if not all(classes) or len(set(classes)) < len(classes):
            raise EvaluationUsageError(f"--classes {given.classes} needs names, each once, such as wall,room.")
    return Options(
        data,
        models,
        names or {},
        given.split,
        classes,
        _thresholds(given.threshold, models),
        RULES if given.rule == _BOTH else (given.rule,),
        given.to,
        given.json,
    )


def known_model(name: str, models: Collection[str], option: str) -> str:
    """The name, which must be a model's. Raises EvaluationUsageError."""
    if name not in models:
        raise EvaluationUsageError(f"{option} names {name!r}, but the models are {', '.join(models)}.")
    return name


def _thresholds(texts: Sequence[str], models: Collection[str]) -> dict[str, float]:
    """What is said of one model comes before what is said of all."""
    of_all: dict[str, float | None] = {}
    of_one: dict[str, float | None] = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        threshold = None if value == "best" else _confidence(value)
        if equals:
            of_one[known_model(name, models, "--threshold")] = threshold
        else:
            of_all = dict.fromkeys(models, threshold)
    return {name: threshold for name, threshold in (of_all | of_one).items() if threshold is not None}


def _confidence(text: str) -> float:
    if (value := parse_confidence(text)) is None:
        raise EvaluationUsageError(f"--threshold needs `best` or a confidence from 0 to 1, not {text!r}.")
    return value
