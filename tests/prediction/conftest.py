"""A small exported model, made once: exporting takes a second."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prediction.exported_models import write_exported_model


@pytest.fixture(scope="session")
def exported_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small model with model.onnx; not to be changed."""
    return write_exported_model(tmp_path_factory.mktemp("exported"))
