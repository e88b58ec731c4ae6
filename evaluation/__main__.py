"""How good models are on a data set, and which is better: from a terminal.

python -m evaluation --data build/dataset --model dino=model.tar.gz --model yolo=predictions.json --names yolo=room,wall
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from evaluation.command import run_comparison
from evaluation.options import Options, add_options, known_model, read_options
from evaluation.refusal import EvaluationError, EvaluationUsageError
from terminal.console import Terminal

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
    add_options(parser)
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
        if known_model(name, models, "--names") in names:
            raise EvaluationUsageError(f"--names is given twice for {name}.")
        names[name] = value
    return read_options(given, data=given.data, models=models, names=names)


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name.strip() or not equals or not value.strip() or not name.isprintable() or len(name) > 64:
        raise EvaluationUsageError(f"{option} needs NAME=..., such as yolo=..., not {text!r}.")
    return name.strip(), value.strip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    errors = Terminal(stderr=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run_comparison(parse_options(arguments), errors)
    except EvaluationUsageError as error:
        errors.print(f"evaluation: {error}")
        return 2
    except EvaluationError as error:
        errors.print(f"evaluation: {error}")
        return 1
    except OSError as error:  # standard output on a full disk, or no folder for temporary files
        errors.print(f"evaluation: {error.filename or 'A file'} cannot be read or written: {error.strerror}.")
        return 1
    except KeyboardInterrupt:
        errors.print("Stopped.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
