"""The command line of `python -m prediction`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_contract.class_names import class_name
from dataset_contract.sanitise import short
from prediction.backends.choice import AUTO, BACKENDS
from prediction.command.errors import PredictionUsageError
from prediction.formats.measures import LEAST_SCALE, MOST_SCALE, check_scale
from prediction.formats.registry import DEFAULT_FORMATS, FORMATS
from prediction.places.download import S3
from prediction.tiling import MIN_TILE
from terminal.confidence import parse_confidence

DESCRIPTION = """\
Find walls and rooms on plans with a trained model. A PLAN is a picture, a PDF, a folder of them, a quoted glob, or
s3://... of a file or folder. MODEL is a model.tar.gz, the folder it unpacks to, s3://... of either, or run:NAME for the
model of a run of the deployed pipeline.
"""
EXAMPLES = """\
examples:
  python -m prediction plan.png --model build/demo/model --to build/predictions --draw
  python -m prediction plans/ --model model.tar.gz --to build/predictions            again to go on where it ended
  python -m prediction 'plans/**/*.pdf' --model run:run-20261124-093000 --to build/predictions
  python -m prediction s3://BUCKET/plans/ --model s3://BUCKET/model.tar.gz --to build/predictions
  python -m prediction plans/ --model model.tar.gz --to build/predictions --format csv --score wall=0.4,room=0.3
  python -m prediction plan.pdf --model model.tar.gz --to build/predictions --format dxf,areas --scale 0.0127
  python -m prediction office.png --model model.tar.gz --to build/predictions --tile 2000
  python -m prediction export build/demo/model       writes model.onnx, with which it predicts three times as fast
  python -m prediction serve --model build/demo/model                     a page that shows a plan's walls and rooms

What is written, and all about large plans: docs/prediction.md.
exit status: 0 done, 1 a plan or the model cannot be used (the other plans are done), 2 wrong usage, 130 stopped.
"""


@dataclass(frozen=True, slots=True)
class Options:
    """The command line, checked as far as it can be without the model."""

    plans: tuple[str, ...]
    model: str
    to: Path
    formats: tuple[str, ...]
    draw: bool
    score: float | Mapping[str, float] | None
    """For all classes, or by class; None: the model's own."""
    backend: str
    tile: int | str
    """Pixels, "auto" or "off"."""
    metres_per_pixel: float | None
    normalised: bool


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="python -m prediction",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("plans", nargs="+", metavar="PLAN", help="a picture, PDF, folder, 'glob' or s3://...")
    parser.add_argument("--model", required=True, metavar="MODEL", help="a file, folder, s3://... or run:NAME")
    parser.add_argument("--to", required=True, metavar="DIR", help="the folder to write; it may have earlier results")
    parser.add_argument(
        "--format",
        default=",".join(DEFAULT_FORMATS),
        metavar="NAMES",
        help=f"some of {','.join(FORMATS)} (default: {','.join(DEFAULT_FORMATS)})",
    )
    parser.add_argument("--draw", action="store_true", help="also a picture of each plan with its boxes")
    parser.add_argument(
        "--score",
        metavar="CONFIDENCE",
        help="from which confidence on a box counts: 0.3, or by class wall=0.4,room=0.3 (default: the model's own)",
    )
    parser.add_argument(
        "--backend", choices=BACKENDS, default=AUTO, help="what runs the model (default: the fastest that is installed)"
    )
    parser.add_argument(
        "--tile",
        default="auto",
        metavar="auto|off|PIXELS",
        help="predict on overlapping tiles: where a plan is much larger than what the model takes (auto, the default), "
        "never, or of this size",
    )
    parser.add_argument("--scale", type=float, metavar="METRES_PER_PIXEL", help="the plans' scale, for real units")
    parser.add_argument("--normalised", action="store_true", help="GeoJSON in parts of width and height, not in pixels")
    return parser


def parse_options(arguments: Sequence[str] | None) -> Options:
    """The command line. Raises PredictionUsageError, or SystemExit (2) as argparse does."""
    given = build_parser().parse_args(arguments)
    if given.to.startswith(S3):
        raise PredictionUsageError(
            f"--to {short(given.to)} is not a folder on this machine: name one, and `aws s3 sync` it to the bucket."
        )
    if not all((*given.plans, given.model, given.to)):
        raise PredictionUsageError(
            "A PLAN, --model or --to is empty: name each, in quotes if it comes from a variable."
        )
    try:
        check_scale(given.scale)
    except ValueError:
        raise PredictionUsageError(
            f"--scale needs the metres of one pixel, such as 0.0127, from {LEAST_SCALE:f} to {MOST_SCALE:g},"
            f" not {given.scale}."
        ) from None
    return Options(
        tuple(given.plans),
        given.model,
        Path(given.to),
        _formats(given.format),
        given.draw,
        None if given.score is None else _score(given.score),
        given.backend,
        _tile(given.tile),
        given.scale,
        given.normalised,
    )


def _formats(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in FORMATS]:
        raise PredictionUsageError(f"--format has {short(unknown[0])}: give some of {','.join(FORMATS)}.")
    return tuple(dict.fromkeys(names))


def _score(text: str) -> float | dict[str, float]:
    if "=" not in text:
        return _confidence(text)
    pairs = [part.rpartition("=") for part in text.split(",")]
    scores = {class_name(name): _confidence(value) for name, _, value in pairs}
    if not all(scores) or len(scores) < len(pairs):
        raise PredictionUsageError(f"--score {short(text)} needs each class once, such as wall=0.4,room=0.3.")
    return scores


def _confidence(text: str) -> float:
    if (value := parse_confidence(text)) is None:
        raise PredictionUsageError(f"--score needs confidences from 0 to 1, such as 0.3, not {short(text)}.")
    return value


def _tile(text: str) -> int | str:
    if text in ("auto", "off"):
        return text
    if not (text.isascii() and text.isdecimal() and len(text) < 7 and int(text) >= MIN_TILE):
        raise PredictionUsageError(
            f"--tile needs auto, off or a number of pixels from {MIN_TILE} on, not {short(text)}."
        )
    return int(text)
