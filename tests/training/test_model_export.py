"""A training job leaves the exported model too, and never fails for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dataset_contract.load import load_split
from prediction import export
from prediction.backends.onnx_file import ONNX_NAME
from tests.dino.small_dino import build_small
from tests.prediction.test_model_folder import write_model
from training_code.data.checked_dataset import CheckedDataset
from training_code.loop.model_export import export_model
from training_code.recipes import RECIPES


@pytest.fixture
def exporting(dataset: Path, tmp_path: Path) -> Callable[[], list[str]]:
    """Exports a small model to `tmp_path`, checked on the data set's validation plans; returns what the log says."""
    write_model(tmp_path)

    def run() -> list[str]:
        lines: list[str] = []
        data = cast(CheckedDataset, SimpleNamespace(root=dataset, val=load_split(dataset, "val")))
        export_model(tmp_path, build_small(), data, RECIPES["tiny"].training, lines.append)
        return lines

    return run


def test_the_log_tells_how_close_it_comes(exporting: Callable[[], list[str]], tmp_path: Path) -> None:
    [line] = exporting()
    assert line.startswith("model.onnx finds on 2 validation plans what PyTorch finds: scores differ by ")
    assert (tmp_path / ONNX_NAME).stat().st_size > 100_000


def refuse(*_: Any) -> Any:
    raise export.ExportError("the exported model does not find what PyTorch finds: of a picture")


def fill_the_disk(*_: Any) -> Any:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (refuse, "(ExportError: the exported model does not find"),
        (fill_the_disk, "(OSError: [Errno 28] No space"),
        (lambda *_: json.loads("{"), "(JSONDecodeError: "),
        (lambda *_: (_ for _ in ()).throw(MemoryError()), "(MemoryError: "),
    ],
    ids=["differs", "disk", "bug", "memory"],
)
def test_a_failed_export_costs_one_line(
    exporting: Callable[[], list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: Callable[..., Any],
    words: str,
) -> None:
    monkeypatch.setattr(export, "exported", failure)
    [line] = exporting()
    assert line.startswith(f"warning: model.onnx was not written {words}")
    assert line.endswith("the model is complete without it, and `python -m prediction export` writes it later.")
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}


def test_a_package_that_is_missing_costs_one_line(
    exporting: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "prediction.export")
    monkeypatch.setitem(sys.modules, "onnx", None)
    [line] = exporting()
    assert line.startswith("warning: model.onnx was not written (ModuleNotFoundError: ")
