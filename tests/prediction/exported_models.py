"""The folder of a small model, exported: what the tests of the backends share."""

from __future__ import annotations

from pathlib import Path

from prediction.backends.onnx_file import ONNX_NAME
from prediction.export import exported
from tests.dino.small_dino import build_small
from tests.prediction.test_model_folder import write_model

CLASSES = [{"id": 1, "name": "wall"}, {"id": 2, "name": "room"}]


def write_exported_model(folder: Path) -> Path:
    """Write the model's files and model.onnx to `folder`."""
    write_model(folder, classes=CLASSES)
    (folder / ONNX_NAME).write_bytes(exported(build_small().eval()))
    return folder
