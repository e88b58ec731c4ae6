"""`python -m prediction export`: writes the exported form of a model that was trained without it, or changed since.

python -m prediction export build/last-run/model
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from dataset_contract.sanitise import sanitise, short
from prediction.backends.onnx_file import ONNX_NAME
from prediction.command.errors import PredictionError, PredictionUsageError
from prediction.image_tensors import resized_pixels
from prediction.model_folder import ModelError, read_settings
from prediction.places.errors import PlaceError
from prediction.places.model import model_folder
from terminal.console import Terminal

NAME = "export"
"""The word after `python -m prediction`."""


def build_export_parser() -> argparse.ArgumentParser:
    """Its options."""
    parser = argparse.ArgumentParser(
        prog=f"python -m prediction {NAME}",
        description=f"Write {ONNX_NAME}, the form of a model that onnxruntime and OpenVINO run, and check that it finds"
        " what PyTorch finds. A training job writes it by itself.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "model", metavar="MODEL", help="a model.tar.gz, the folder it unpacks to, or s3://... of either"
    )
    parser.add_argument("--to", metavar="FILE", help=f"the file to write (default: {ONNX_NAME} in MODEL, a folder)")
    return parser


def run(arguments: Sequence[str]) -> None:
    """Do what the command line after the word says. Raises PredictionError or PredictionUsageError."""
    given = build_export_parser().parse_args(arguments)
    target = Path(given.to) if given.to else Path(given.model) / ONNX_NAME
    if not target.parent.is_dir():
        raise PredictionUsageError(
            f"--to {short(given.to)} is in no folder: make it first."
            if given.to
            else f"{short(given.model)} is not a folder: say with --to where to write {ONNX_NAME}."
        )
    if target.is_dir():
        raise PredictionUsageError(f"{target} is a folder: name a file with --to, such as {ONNX_NAME} in it.")
    from prediction.export import ExportError, export_checked  # noqa: PLC0415  imports torch, which takes seconds
    from prediction.torch_model import load_model  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="export-") as scratch:
        try:
            folder = model_folder(given.model, Path(scratch))
            settings = read_settings(folder)
            pixels = resized_pixels(drawn_plan(), settings.short_side, settings.max_side)
            export_checked(load_model(folder, settings), settings, target, [pixels])
        except (PlaceError, ModelError) as error:
            raise PredictionError(str(error)) from None
        except ExportError as error:
            raise PredictionError(f"{given.model} cannot be exported: {error}; predict with --backend torch.") from None
        except OSError as error:
            raise PredictionError(
                f"{target} cannot be written ({sanitise(error.strerror or error)}): name another file with --to."
            ) from None
    Terminal().print(f"Written to {target}; it finds on a drawn plan what PyTorch finds.")


def drawn_plan() -> Image.Image:
    """Two rooms between walls."""
    plan = Image.new("RGB", (640, 480), "white")
    pen = ImageDraw.Draw(plan)
    pen.rectangle((60, 50, 580, 430), outline="black", width=12)
    pen.line((330, 50, 330, 430), fill="black", width=8)
    return plan
