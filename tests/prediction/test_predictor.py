"""The predictor sees of an image what the model was trained on: the pixels that the preparation writes of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from dataset_prep.dataset_png import dataset_png
from image_reader.header import ImageError
from prediction.backends.torch_backend import TorchBackend
from prediction.model_folder import ModelSettings
from prediction.predictor import Detection, Predictor
from tests.docs.page_lines import PREDICTION, README, python_blocks
from tests.prediction.test_model_folder import write_model
from training_code.dino.model import build_model
from training_code.recipes import RECIPES


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    torch.manual_seed(3)
    model = build_model(RECIPES["tiny"].model.with_classes(3))
    settings = ModelSettings(model.config, {1: "wall", 2: "room"}, short_side=64, max_side=96)
    return Predictor(settings, TorchBackend(model))


def plan(mode: str, paper: object, ink: object) -> Image.Image:
    """A room of 40 x 30 pixels between thick walls."""
    image = Image.new(mode, (60, 40), paper)  # type: ignore[arg-type]
    ImageDraw.Draw(image).rectangle((10, 5, 50, 35), outline=ink, width=4)  # type: ignore[arg-type]
    return image


def transparent(path: Path) -> None:
    plan("RGBA", (0, 0, 0, 0), (20, 20, 20, 255)).save(path)


def sixteen_bits(path: Path) -> None:
    pixels = np.asarray(plan("L", 255, 20)).astype(np.uint16) * 200
    Image.fromarray(pixels).save(path)


def turned_by_exif(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    plan("RGB", (255, 255, 255), (20, 20, 20)).save(path, exif=exif.tobytes())


def palette(path: Path) -> None:
    plan("RGB", (250, 240, 230), (20, 20, 20)).quantize(4).save(path, transparency=0)


def grey(path: Path) -> None:
    plan("L", 255, 20).save(path)


@pytest.mark.parametrize("save", [transparent, sixteen_bits, turned_by_exif, palette, grey])
def test_an_image_is_taken_as_the_preparation_writes_it(
    predictor: Predictor, tmp_path: Path, save: Callable[[Path], None]
) -> None:
    save(tmp_path / "plan.png")
    written = Image.open(io.BytesIO(dataset_png(tmp_path / "plan.png")[0]))
    found = predictor.predict(Image.open(tmp_path / "plan.png"))
    assert found == predictor.predict(written) != []
    assert all(
        0 <= d.box[0] <= d.box[2] <= written.width and 0 <= d.box[1] <= d.box[3] <= written.height for d in found
    )


@pytest.mark.parametrize("save", [transparent, sixteen_bits, turned_by_exif, palette, grey])
def test_a_path_is_taken_as_its_opened_image(
    predictor: Predictor, tmp_path: Path, save: Callable[[Path], None]
) -> None:
    save(tmp_path / "plan.png")
    found = predictor.predict(Image.open(tmp_path / "plan.png"))
    assert predictor.predict(tmp_path / "plan.png") == predictor.predict(str(tmp_path / "plan.png")) == found != []


@pytest.mark.parametrize("content", [None, b"", b"<html>"], ids=["missing", "empty", "a page"])
def test_a_path_without_an_image_is_refused_in_one_sentence(
    predictor: Predictor, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "plan.png").write_bytes(content)
    with pytest.raises(ImageError, match=r"^The image .*/plan\.png .*: give the path of another copy of it\.$"):
        predictor.predict(tmp_path / "plan.png")


@pytest.mark.parametrize("page", [README, PREDICTION], ids=lambda page: page.name)
def test_the_lines_of_python_on_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "build" / "last-run" / "model"
    folder.mkdir(parents=True)
    write_model(folder)
    grey(tmp_path / "plan.png")
    monkeypatch.chdir(tmp_path)
    [block] = python_blocks(page)
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102 - as the page has it
    assert isinstance(names.get("found") or names["detections"][0], Detection)


def test_transparent_paper_is_not_taken_for_walls(predictor: Predictor) -> None:
    """Pillow's own conversion shows it black."""

    def predict(image: Image.Image) -> list[Detection]:
        return predictor.predict(image)

    on_nothing, on_white = plan("RGBA", (0, 0, 0, 0), (20, 20, 20, 255)), plan("RGB", (255, 255, 255), (20, 20, 20))
    assert predict(on_nothing) == predict(on_white) != predict(on_nothing.convert("RGB"))


def test_a_file_that_breaks_off_is_refused_in_one_sentence(predictor: Predictor, tmp_path: Path) -> None:
    plan("RGB", (255, 255, 255), (20, 20, 20)).save(tmp_path / "plan.jpg", quality=100)
    data = (tmp_path / "plan.jpg").read_bytes()
    with pytest.raises(ImageError, match=r"^The image cannot be decoded \(.*\): open another copy of it\.$"):
        predictor.predict(Image.open(io.BytesIO(data[: len(data) - 200])))


def test_each_class_has_its_own_threshold() -> None:
    torch.manual_seed(3)
    model, names = build_model(RECIPES["tiny"].model.with_classes(3)), {1: "wall", 2: "room"}
    image = plan("L", 255, 20)
    backend, settings = TorchBackend(model), ModelSettings(model.config, names, 64, 96)
    everything = Predictor(settings, backend).predict(image)
    scores = {name: sorted(found.score for found in everything if found.label == name) for name in names.values()}
    thresholds = {1: scores["wall"][-2], 2: scores["room"][1]}
    predictor = Predictor(replace(settings, thresholds=thresholds), backend)
    found = predictor.predict(image)
    assert found == [each for each in everything if each.score >= thresholds[1 if each.label == "wall" else 2]]
    assert [each.label for each in found].count("wall") == 2
    assert len(found) == 2 + len(scores["room"]) - 1
    assert predictor.predict(image, threshold=0.0) == everything
    assert predictor.predict(image, threshold=1.0) == []
