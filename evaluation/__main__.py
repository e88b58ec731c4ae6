"""How good models are on a data set, and which is better: from a terminal.

python -m evaluation --data build/dataset --model dino=model.tar.gz --model yolo=predictions.json --names yolo=room,wall
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_contract.atomic_write import write_atomically
from dataset_contract.class_names import class_name
from dataset_contract.layout import SPLITS
from evaluation.comparison import COCO, LENIENT, RULES, Comparison, compare
from evaluation.dataset import EvaluatedDataset, load_dataset
from evaluation.errors_csv import errors_csv
from evaluation.metrics_json import metrics_json
from evaluation.refusal import EvaluationError, EvaluationUsageError
from evaluation.report import LABELS, REPORT, report_files
from evaluation.sources.class_numbers import parse_names
from evaluation.sources.reading import read_model
from evaluation.terminal_table import table_lines
from terminal.console import Terminal

METRICS, ERRORS = "metrics.json", "errors.csv"

DESCRIPTION = """\
Evaluate models on a split of a data set, and compare them plan by plan. A MODEL is a model.tar.gz or its folder, a COCO
results file, Ultralytics' predictions.json or its folder of labels with confidence, or s3://... of any of these.
"""
EXAMPLES = """\
examples:
  a trained model, which predicts here:
    python -m evaluation --data build/dataset --model dino=build/last-run/model
  beside YOLO's results on the same plans (yolo val split=test save_json=True):
    python -m evaluation --data build/dataset --model dino=model.tar.gz --model yolo=predictions.json \\
      --names yolo=data.yaml
  with its results on the validation split too, on which its threshold is then chosen:
    python -m evaluation --data build/dataset --model yolo=test.json --model yolo=val.json --names yolo=room,wall
  rooms only, from the confidence 0.3 on:
    python -m evaluation --data build/dataset --model a=a/labels --names a=room,wall --classes room --threshold 0.3

What the figures mean: docs/evaluation.md.
exit status: 0 done, 1 the data set or a model's results cannot be used, 2 wrong usage, 130 stopped by Ctrl-C.
"""


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    data: Path
    split: str
    models: dict[str, list[str]]
    """By name: where its detections are."""
    names: dict[str, str]
    classes: tuple[str, ...] | None
    thresholds: dict[str, float]
    """By the names of those that have one."""
    rules: tuple[str, ...]
    to: Path
    json: bool


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the data set's folder")
    parser.add_argument("--split", choices=SPLITS, default="test", help="default: test")
    parser.add_argument(
        "--model", action="append", required=True, metavar="NAME=MODEL", help="once for each; again to add a file to it"
    )
    parser.add_argument(
        "--names",
        action="append",
        default=[],
        metavar="NAME=NAMES",
        help="the class names of a model's file: in the order of its data.yaml, as that file, or as 1:room,2:wall",
    )
    parser.add_argument("--classes", metavar="NAMES", help="only these classes of the data set")
    parser.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="[NAME=]best|CONFIDENCE",
        help="from which confidence on a box counts; best: chosen on the validation split (default)",
    )
    parser.add_argument(
        "--rule", choices=(*RULES, "both"), default="both", help="how boxes are counted (default: both)"
    )
    parser.add_argument(
        "--to",
        type=Path,
        default=Path("build/evaluation"),
        metavar="DIR",
        help=f"where {REPORT}, {LABELS}, {METRICS} and {ERRORS} go (default: build/evaluation)",
    )
    parser.add_argument("--json", action="store_true", help=f"print what {METRICS} holds, in place of tables")
    return parser


def parse_options(arguments: Sequence[str] | None) -> Options:
    """The command line. Raises EvaluationUsageError, or SystemExit (2) as argparse does."""
    given = build_parser().parse_args(arguments)
    models: dict[str, list[str]] = {}
    for text in given.model:
        name, source = _pair(text, "--model")
        models.setdefault(name, []).append(source)
    names: dict[str, str] = {}
    for text in given.names:
        name, value = _pair(text, "--names")
        if _known(name, models, "--names") in names:
            raise EvaluationUsageError(f"--names is given twice for {name}.")
        names[name] = value
    classes = None
    if given.classes is not None:
        classes = tuple(name.strip() for name in given.classes.split(","))
        if not all(classes) or len(set(classes)) < len(classes):
            raise EvaluationUsageError(f"--classes {given.classes} needs names, each once, such as wall,room.")
    return Options(
        given.data,
        given.split,
        models,
        names,
        classes,
        _thresholds(given.threshold, models),
        (COCO, LENIENT) if given.rule == "both" else (given.rule,),
        given.to,
        given.json,
    )


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name.strip() or not equals or not value.strip() or not name.isprintable() or len(name) > 64:
        raise EvaluationUsageError(f"{option} needs NAME=..., such as yolo=..., not {text!r}.")
    return name.strip(), value.strip()


def _known(name: str, models: dict[str, list[str]], option: str) -> str:
    if name not in models:
        raise EvaluationUsageError(f"{option} names {name!r}, but the models are {', '.join(models)}.")
    return name


def _thresholds(texts: Sequence[str], models: dict[str, list[str]]) -> dict[str, float]:
    """What is said of one model comes before what is said of all."""
    of_all: dict[str, float | None] = {}
    of_one: dict[str, float | None] = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        threshold = None if value == "best" else _confidence(value)
        if equals:
            of_one[_known(name, models, "--threshold")] = threshold
        else:
            of_all = dict.fromkeys(models, threshold)
    return {name: threshold for name, threshold in (of_all | of_one).items() if threshold is not None}


def _confidence(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise EvaluationUsageError(f"--threshold needs `best` or a confidence from 0 to 1, not {text!r}.")
    return value


def evaluate(options: Options, console: Terminal) -> Comparison:
    """Read, compare. Raises EvaluationError or EvaluationUsageError."""
    names = {name: parse_names(text) for name, text in options.names.items()}
    dataset = load_dataset(options.data, options.split)
    classes = _classes(dataset, options)
    models = [
        read_model(
            name,
            sources,
            names.get(name),
            dataset,
            options.split,
            needs_validation=COCO in options.rules and name not in options.thresholds,
            console=console,
        )
        for name, sources in options.models.items()
    ]
    return compare(dataset, options.split, models, classes=classes, thresholds=options.thresholds, rules=options.rules)


def _classes(dataset: EvaluatedDataset, options: Options) -> tuple[str, ...] | None:
    """Those of --classes as the data set names them."""
    if options.classes is None:
        return None
    known = {class_name(name): name for name in dataset.truth(options.split).classes}
    for name in options.classes:
        if class_name(name) not in known:
            raise EvaluationUsageError(f"--classes names {name!r}, but the data set has {', '.join(known.values())}.")
    return tuple(known[class_name(name)] for name in options.classes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    errors = Terminal(stderr=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        options = parse_options(arguments)
        comparison = evaluate(options, errors)
        content = json.dumps(metrics_json(comparison), indent=1, allow_nan=False) + "\n"
        files = {**report_files(comparison), ERRORS: errors_csv(comparison), METRICS: content}
        try:
            options.to.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                write_atomically(options.to / name, text)
        except OSError as error:
            raise EvaluationError(f"{error.filename or options.to} cannot be written: {error.strerror}.") from None
    except EvaluationUsageError as error:
        errors.print(f"evaluation: {error}")
        return 2
    except EvaluationError as error:
        errors.print(f"evaluation: {error}")
        return 1
    except KeyboardInterrupt:
        errors.print("Stopped.")
        return 130
    if options.json:
        sys.stdout.write(content)
        return 0
    console = Terminal()
    for line in table_lines(comparison):
        console.print(line)
    console.print("")
    console.print(f"Written to {options.to}: {REPORT} to look at, {LABELS}, {ERRORS}, {METRICS}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
