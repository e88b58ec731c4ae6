"""A folder that does not hold a usable model is refused in one sentence that names it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from prediction.model_folder import MODEL_FORMAT, ModelError, read_settings
from prediction.predictor import Predictor
from prediction.torch_model import load_model, weights_by_name
from tests.dino.small_dino import SMALL, build_small


def write_model(folder: Path, **changes: Any) -> None:
    """The files of a small model; `changes` are made to config.json."""
    config = {
        "format": MODEL_FORMAT,
        "model": dataclasses.asdict(SMALL),
        "classes": [{"id": 2, "name": "room"}],
        "image": {"short_side": 64, "max_side": 96},
    }
    (folder / "config.json").write_text(json.dumps(config | changes))
    save_file(weights_by_name(build_small()), folder / "model.safetensors")


def test_a_model_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_model(tmp_path)
    settings = read_settings(tmp_path)
    assert (settings.config, settings.classes) == (SMALL, {2: "room"})
    assert (settings.short_side, settings.max_side) == (64, 96)
    expected = build_small().state_dict()
    assert all(value.equal(expected[name]) for name, value in load_model(tmp_path, settings).state_dict().items())


@pytest.mark.parametrize("device", ["cuda", "cuda:99", "gpu", "mps:0", ""])
def test_a_device_that_is_not_there_is_refused_in_one_sentence(tmp_path: Path, device: str) -> None:
    write_model(tmp_path)
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(
        ModelError, match=r"PyTorch cannot use the device '.*' here \(.*\): give device='cpu'\."
    ) as refusal:
        Predictor.load(tmp_path, device)
    assert "\n" not in str(refusal.value)


def test_only_classes_of_the_data_set_are_found(tmp_path: Path) -> None:
    write_model(tmp_path)
    found = Predictor.load(tmp_path).predict(Image.new("L", (300, 200), 255))
    assert len(found) == SMALL.num_queries  # this model tells no thresholds
    assert {detection.label for detection in found} == {"room"}


def test_thresholds_come_back_as_they_were_written(tmp_path: Path) -> None:
    write_model(tmp_path, classes=[{"id": 1, "name": "wall"}, {"id": 2, "name": "room", "threshold": 0.25}])
    assert read_settings(tmp_path).thresholds == {1: 0.0, 2: 0.25}


def test_a_model_with_a_limit_on_detections_is_loaded_without_it(tmp_path: Path) -> None:
    """As models were written before every query counted."""
    write_model(tmp_path, model=dataclasses.asdict(SMALL) | {"num_select": 5})
    assert len(Predictor.load(tmp_path).predict(Image.new("L", (300, 200), 255))) == SMALL.num_queries


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "other/1"}, "has the format 'other/1'"),
        ({"model": {"num_eyes": 2}}, "unknown model setting 'num_eyes'"),
        ({"model": dataclasses.asdict(SMALL) | {"num_queries": 0}}, "num_queries must be at least 1"),
        ({"model": dataclasses.asdict(SMALL) | {"decoder_layers": 4}}, "do not belong together"),
        ({"classes": [{"name": "room"}]}, "KeyError"),
        ({"classes": []}, "it has no class"),
        ({"image": {"short_side": 0, "max_side": 96}}, "images cannot be resized to 0 x 96 pixels"),
        ({"classes": [{"id": 3, "name": "room"}]}, "the model has no logit for one of the classes"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    write_model(tmp_path, **changes)
    with pytest.raises(ModelError, match=words) as refusal:
        Predictor.load(tmp_path)
    assert str(tmp_path) in str(refusal.value)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"unpack model\.tar\.gz again"):
        Predictor.load(tmp_path)
