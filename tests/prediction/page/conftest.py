"""The page's server with a small model, in this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from prediction.command.model import open_model
from prediction.page.server import PageServer
from tests.prediction.test_model_folder import write_model


@pytest.fixture(scope="package")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with two classes that finds something on white paper."""
    folder = tmp_path_factory.mktemp("model")
    classes = [{"id": 1, "name": "wall", "threshold": 0.35}, {"id": 2, "name": "room", "threshold": 0.3}]
    write_model(folder, classes=classes, image={"short_side": 96, "max_side": 144})
    return folder


@pytest.fixture(scope="package")
def server(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    """It listens, and its worker works."""
    model = open_model(str(model_folder), tmp_path_factory.mktemp("scratch"), backend="auto", score=None)
    with PageServer(model, 0) as server:
        for work in (server.worker.work, lambda: server.serve_forever(0.01)):
            threading.Thread(target=work, daemon=True).start()
        yield server
        server.shutdown()
