"""What a job measures is what the shipped model finds: each image by itself, whatever the batch size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from dataset_contract.coco import Annotation, Category, CocoDataset
from dataset_contract.coco import Image as CocoImage
from evaluation.metrics import ImageDetections, evaluate
from prediction.backends.torch_backend import TorchBackend
from prediction.model_folder import ModelSettings
from prediction.predictor import Predictor
from training_code.data.plan_dataset import PlanDataset
from training_code.dino.model import DINO, build_model
from training_code.job.distributed import DistributedContext
from training_code.job.interruptions import StopRequest
from training_code.loop.split_prediction import predict_split
from training_code.recipes import RECIPES

CLASSES = {1: "wall", 2: "room"}
SIZES = ((96, 64), (64, 96), (140, 48), (80, 80), (48, 140), (90, 70), (64, 64), (120, 56))
CONFIG = replace(RECIPES["tiny"].training, image_short_sides=(64,), image_max_side=96)


@pytest.fixture(scope="module")
def model() -> DINO:
    """Fresh weights, with boxes of all sizes and places."""
    torch.manual_seed(5)
    return build_model(RECIPES["tiny"].model.with_classes(3))


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[CocoImage]]:
    """Plans of different shapes, in the folder of a split."""
    folder = tmp_path_factory.mktemp("val")
    (folder / "images").mkdir()
    images = []
    for number, (width, height) in enumerate(SIZES, start=1):
        picture = Image.new("RGB", (width, height), "white")
        ImageDraw.Draw(picture).rectangle((5, 6, width - 9, height - 8), outline="black", width=3)
        images.append(CocoImage(number, f"images/{number:06d}.png", width, height))
        picture.save(folder / images[-1].file_name)
    return folder, images


def predicted(model: DINO, folder: Path, images: Sequence[CocoImage]) -> list[ImageDetections]:
    """What the Predictor finds."""
    predictor = Predictor(ModelSettings(model.config, CLASSES, short_side=64, max_side=96), TorchBackend(model))
    ids = {name: number for number, name in CLASSES.items()}
    found = [predictor.predict(Image.open(folder / image.file_name), threshold=0) for image in images]
    return [
        ImageDetections(
            image.id,
            np.array([each.score for each in on_image], dtype=np.float32),
            np.array([ids[each.label] for each in on_image]),
            np.array([each.box for each in on_image], dtype=np.float32),
        )
        for image, on_image in zip(images, found, strict=True)
    ]


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_a_job_measures_what_the_predictor_finds(
    model: DINO, plans: tuple[Path, list[CocoImage]], batch_size: int, kept_sigterm: None
) -> None:
    folder, images = plans
    expected = predicted(model, folder, images)
    truth = CocoDataset(images, best_of(expected), [Category(number, name) for number, name in CLASSES.items()])
    split = PlanDataset(folder, truth, replace(CONFIG, batch_size=batch_size), augmented=False)
    alone = DistributedContext(0, 1, torch.device("cpu"))
    found = predict_split(model, split, alone, precision="bf16", stop=StopRequest(), after_batch=lambda: None)
    assert found is not None
    for one, other in zip(found, expected, strict=True):
        assert one.image_id == other.image_id
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-6)
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-3)
    figures = evaluate(truth, found, max_detections=model.config.num_queries)
    assert figures["ar"] == pytest.approx(1)
    assert figures["ap"] == pytest.approx(evaluate(truth, expected, max_detections=80)["ap"], abs=1e-6)


def best_of(detections: Sequence[ImageDetections]) -> list[Annotation]:
    """The best ten detections of each image as true boxes."""
    boxes = [(of.image_id, int(of.labels[k]), of.boxes[k].tolist()) for of in detections for k in range(10)]
    return [
        Annotation(number, image_id, label, (x0, y0, x1 - x0, y1 - y0), (x1 - x0) * (y1 - y0))
        for number, (image_id, label, (x0, y0, x1, y1)) in enumerate(boxes, start=1)
    ]
