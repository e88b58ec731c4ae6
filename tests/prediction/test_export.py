"""`python -m prediction export`, and what stands between a wrong export and the model's folder."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import onnx
import pytest

from prediction import export
from prediction.__main__ import main
from prediction.backends.onnx_file import ONNX_NAME
from prediction.detection import Detections
from prediction.export import ExportError, difference, export_checked
from prediction.model_folder import read_settings
from prediction.predictor import Predictor
from prediction.torch_model import load_model
from tests.prediction.test_model_folder import write_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    write_model(folder)
    return folder


def test_a_folder_gets_its_exported_model(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(model)]) == 0
    assert capsys.readouterr().out.startswith(f"Written to {model / ONNX_NAME}; ")
    assert Predictor.load(model, backend="onnx").backend.name == "onnx"
    assert {path.name for path in model.iterdir()} == {"config.json", "model.safetensors", ONNX_NAME}


def test_an_archive_is_exported_to_a_file(
    model: Path, exported_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "exported", lambda _: (exported_model / ONNX_NAME).read_bytes())
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        for path in model.iterdir():
            archive.add(path, path.name)
    assert main(["export", str(tmp_path / "model.tar.gz"), "--to", str(tmp_path / "plans.onnx")]) == 0
    assert (tmp_path / "plans.onnx").stat().st_size > 100_000


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["model.tar.gz"], 2, "'model.tar.gz' is not a folder: say with --to where to write model.onnx."),
        (["{model}", "--to", "{model}/no/x.onnx"], 2, "is in no folder: make it first."),
        (["{model}", "--to", "{model}"], 2, "is a folder: name a file with --to, such as model.onnx in it."),
        (["{empty}"], 1, "does not hold a model that can be loaded"),
        (["{model}/none.tar.gz", "--to", "{model}/x.onnx"], 1, "does not exist"),
    ],
)
def test_what_cannot_be_exported_is_refused_in_one_sentence(
    model: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, words: str
) -> None:
    tmp_path = model.parent
    (tmp_path / "empty").mkdir()
    places = {"model": model, "empty": tmp_path / "empty"}
    assert main(["export", *(each.format(**places) for each in arguments)]) == status
    error = capsys.readouterr().err
    assert error.startswith("prediction: ") and words in " ".join(error.split())
    assert not list(tmp_path.rglob("*.onnx"))


def test_a_model_that_finds_something_else_is_not_written(
    model: Path, exported_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = onnx.load(exported_model / ONNX_NAME)
    [bias] = [each for each in other.graph.initializer if each.name.endswith("bbox_embed.0.layers.2.bias")]
    bias.raw_data = (np.frombuffer(bias.raw_data, np.float32) + np.float32(0.1)).tobytes()
    monkeypatch.setattr(export, "exported", lambda _: other.SerializeToString())
    settings = read_settings(model)
    pixels = np.random.default_rng(1).integers(0, 256, (3, 64, 96), dtype=np.uint8)
    with pytest.raises(ExportError, match=r"does not find what PyTorch finds: of a picture, \d+% of the detections"):
        export_checked(load_model(model, settings), settings, model / ONNX_NAME, [pixels])
    assert {path.name for path in model.iterdir()} == {"config.json", "model.safetensors"}


def found(*rows: tuple[float, int, float]) -> Detections:
    """Detections (score, label, left edge)."""
    boxes = [[left, 0, left + 10, 10] for _, _, left in rows]
    return Detections(
        np.array([row[0] for row in rows], np.float32),
        np.array([row[1] for row in rows], np.int64),
        np.array(boxes, np.float32).reshape(-1, 4),
    )


def test_detections_are_compared_as_sets() -> None:
    one = found((0.9, 1, 0), (0.5, 1, 20), (0.5, 2, 40))
    assert difference(one, found((0.9, 1, 0), (0.5, 2, 40), (0.5, 1, 20)), 100).unmatched == 0
    close = difference(one, found((0.9004, 1, 0.05), (0.5, 1, 20), (0.5, 2, 40)), 100)
    assert (close.unmatched, round(close.score, 4), round(close.box, 4)) == (0, 0.0004, 0.0005)


@pytest.mark.parametrize(
    "other",
    [
        found((0.9, 1, 0), (0.5, 1, 20)),
        found((0.9, 1, 0), (0.5, 1, 20), (0.5, 1, 40)),
        found((0.9, 1, 0), (0.5, 1, 20), (0.49, 2, 40)),
        found((0.9, 1, 0), (0.5, 1, 20), (0.5, 2, 41)),
        found((0.9, 1, 0), (0.5, 1, 20), (0.5, 1, 20)),
    ],
    ids=["fewer", "label", "score", "box", "twice"],
)
def test_what_differs_is_counted(other: Detections) -> None:
    one = found((0.9, 1, 0), (0.5, 1, 20), (0.5, 2, 40))
    assert difference(one, other, 100).unmatched == pytest.approx(1 / 3)
    assert difference(other, one, 100).unmatched == pytest.approx(1 / 3)


def test_nothing_found_is_no_difference() -> None:
    assert difference(found(), found(), 100).unmatched == 0
