"""Small models, made once, and plans."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.prediction.command_calls import Calls
from tests.prediction.exported_models import write_exported_model
from tests.prediction.test_model_folder import write_model


@pytest.fixture(scope="session")
def exported_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small model with model.onnx; not to be changed."""
    return write_exported_model(tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with two classes that finds something on white paper."""
    folder = tmp_path_factory.mktemp("model")
    classes = [{"id": 1, "name": "wall", "threshold": 0.9}, {"id": 2, "name": "room"}]
    write_model(folder, classes=classes, image={"short_side": 96, "max_side": 144})
    return folder


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    folder = tmp_path / "plans"
    (folder / "upper floor").mkdir(parents=True)
    for name, grey in (("a.png", 255), ("a.jpg", 250), ("upper floor/a.png", 240)):
        Image.new("L", (120, 80), grey).save(folder / name)
    first = Image.new("RGB", (60, 40), "white")
    first.save(folder / "b.pdf", save_all=True, append_images=[Image.new("RGB", (40, 60), "white")])
    return folder


@pytest.fixture
def in_the_folder_above(plans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(plans.parent)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)
