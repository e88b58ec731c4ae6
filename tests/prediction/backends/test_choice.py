"""The fastest backend is taken that is installed and that the model's folder allows; another one can be named."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from prediction.backends import choice
from prediction.backends.onnx_file import ONNX_NAME
from prediction.backends.openvino_backend import OpenVinoBackend
from prediction.model_folder import ModelError
from prediction.predictor import Predictor
from tests.prediction.test_model_folder import write_model


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_GPU_DRIVERS", ())


@pytest.fixture(autouse=True)
def nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which one is taken is seen without the second that it takes OpenVINO to open a model."""
    monkeypatch.setattr(OpenVinoBackend, "__init__", lambda *_: None)


def lacking(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """As where they are not installed."""
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)


@pytest.mark.parametrize(
    ("missing", "taken"),
    [((), "openvino"), (("openvino",), "onnx"), (("torch",), "openvino"), (("openvino", "onnxruntime"), "torch")],
)
def test_the_fastest_that_is_installed_is_taken(
    exported_model: Path, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...], taken: str
) -> None:
    lacking(monkeypatch, *missing)
    assert Predictor.load(exported_model).backend.name == taken


def test_a_model_that_is_not_exported_is_run_by_torch(tmp_path: Path) -> None:
    write_model(tmp_path)
    assert Predictor.load(tmp_path).backend.name == "torch"


def test_torch_is_taken_for_a_device_of_its_own(exported_model: Path) -> None:
    assert Predictor.load(exported_model, "meta").backend.name == "torch"
    assert Predictor.load(exported_model, "cpu").backend.name == "openvino"


def test_torch_is_taken_where_it_has_a_gpu(exported_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_gpu", lambda: "meta")
    assert Predictor.load(exported_model).backend.name == "torch"
    assert Predictor.load(exported_model, "cpu").backend.name == "openvino"
    assert Predictor.load(exported_model, backend="onnx").backend.name == "onnx"


@pytest.mark.parametrize(
    ("backend", "package"),
    [("openvino", "openvino"), ("onnx", "onnxruntime"), ("torch", "torch"), ("torch", "safetensors")],
)
def test_a_missing_package_is_told_with_the_command_that_brings_it(
    exported_model: Path, monkeypatch: pytest.MonkeyPatch, backend: str, package: str
) -> None:
    lacking(monkeypatch, package)
    with pytest.raises(ModelError, match=rf"The backend {backend} needs {package}.*`python -m pip install {package}`"):
        Predictor.load(exported_model, backend=backend)


@pytest.mark.parametrize("backend", ["openvino", "onnx"])
def test_a_model_that_is_not_exported_is_told_with_the_command_that_does_it(tmp_path: Path, backend: str) -> None:
    write_model(tmp_path)
    with pytest.raises(ModelError, match=r"has no model\.onnx.*`python -m prediction export`"):
        Predictor.load(tmp_path, backend=backend)


@pytest.mark.parametrize(
    ("backend", "device", "words"),
    [("tensorrt", None, "There is no backend 'tensorrt'"), ("onnx", "cuda", "runs on the processor, not on 'cuda'")],
)
def test_what_is_not_there_is_refused(exported_model: Path, backend: str, device: str | None, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        Predictor.load(exported_model, device, backend=backend)


def test_a_folder_without_weights_predicts_with_the_exported_model(exported_model: Path, tmp_path: Path) -> None:
    for name in ("config.json", ONNX_NAME):
        shutil.copy(exported_model / name, tmp_path)
    assert Predictor.load(tmp_path).backend.name == "openvino"
