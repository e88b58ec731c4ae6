"""Epochs are compared in the training's precision; what is shipped is judged in fp32, as it predicts."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dataset_contract.load import load_split
from evaluation.metrics import ImageDetections, evaluate
from prediction.backends import torch_backend
from prediction.model_folder import read_settings
from prediction.torch_model import load_model
from tests.training.training_jobs import SMALL, Job
from training_code import train
from training_code.config import TrainingConfig
from training_code.data.batches import BatchLoader, EpochBatchSampler
from training_code.data.plan_dataset import PlanDataset
from training_code.dino.model import DINO, build_model
from training_code.job.distributed import DistributedContext
from training_code.job.interruptions import StopRequest
from training_code.loop import trainer
from training_code.loop.split_prediction import predict_split
from training_code.loop.training_step import TrainingStep
from training_code.recipes import RECIPES

pytestmark = pytest.mark.usefixtures("kept_sigterm")
CPU = torch.device("cpu")
ALONE = DistributedContext(0, 1, CPU)
SCORE_TOLERANCE, BOX_TOLERANCE = 0.02, 0.01
"""How far bf16 may be from fp32: a score, and a box's edge in shares of the image's longer side."""
FOUND = 0.3
"""Scores below it are those of queries that found nothing."""


def bf16_on_the_cpu(device: torch.device, precision: str) -> torch.autocast:
    """What mixed_precision() gives, if the CPU were a GPU."""
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")


@pytest.fixture(scope="module")
def split(dataset: Path) -> PlanDataset:
    """One plan."""
    config = TrainingConfig(batch_size=1, workers=0, warmup_steps=5, image_short_sides=(64,), image_max_side=96)
    truth = load_split(dataset, "val")
    one = dataclasses.replace(truth, images=truth.images[:1])
    return PlanDataset(dataset / "val", one, config, augmented=False)


@pytest.fixture(scope="module")
def trained(split: PlanDataset) -> DINO:
    """A model that finds what the plan shows."""
    config = dataclasses.replace(split.config, learning_rate=2e-3, backbone_learning_rate=2e-3)
    torch.manual_seed(0)
    model = dataclasses.replace(RECIPES["tiny"].model, num_queries=20)
    training = TrainingStep(build_model(model.with_classes(3)), config, ALONE)
    [batch] = [each.to(CPU) for each in BatchLoader(split, pin_memory=False).read(EpochBatchSampler(split, epoch=0))]
    for step in range(100):
        training.update([batch], step, steps=100, steps_per_epoch=100)
    return training.model


def detections(model: DINO, split: PlanDataset, precision: str) -> list[ImageDetections]:
    found = predict_split(model, split, ALONE, precision=precision, stop=StopRequest(), after_batch=lambda: None)
    assert found is not None
    return found


def within(one: ImageDetections, other: ImageDetections, side: int) -> bool:
    """Whether what `one` finds is among what `other` finds, as sets: equal scores have no order."""
    found = one.scores >= FOUND
    assert found.sum() >= 3
    labels = one.labels[found, None] == other.labels
    scores = np.abs(one.scores[found, None] - other.scores) <= SCORE_TOLERANCE
    boxes = np.abs(one.boxes[found, None] - other.boxes).max(-1) <= BOX_TOLERANCE * side
    return bool((labels & scores & boxes).any(axis=1).all())


def test_bf16_finds_what_fp32_finds(trained: DINO, split: PlanDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = detections(trained, split, "fp32")
    monkeypatch.setattr(torch_backend, "mixed_precision", bf16_on_the_cpu)
    mixed = detections(trained, split, "bf16")
    for one, other, size in zip(exact, mixed, split.sizes, strict=True):
        assert within(one, other, max(size)) and within(other, one, max(size))
        assert not np.array_equal(one.scores, other.scores)
        rounded = torch.from_numpy(other.boxes).bfloat16().float().numpy()
        assert not np.isclose(rounded, other.boxes, atol=0, rtol=1e-6).all(), "boxes were rounded to bf16"


def test_fp32_stays_as_it_is(trained: DINO, split: PlanDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = detections(trained, split, "fp32")
    monkeypatch.setattr(torch_backend, "mixed_precision", bf16_on_the_cpu)
    for one, other in zip(exact, detections(trained, split, "fp32"), strict=True):
        assert np.array_equal(one.scores, other.scores) and np.array_equal(one.boxes, other.boxes)


def test_the_shipped_figures_and_thresholds_are_those_of_fp32(run_here: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_backend, "mixed_precision", bf16_on_the_cpu)
    monkeypatch.setattr(trainer, "is_mixed", lambda device, precision: precision == "bf16")
    run_here.configure(**SMALL, epochs="3", precision="bf16", learning_rate="0.002")
    assert train.main() == 0
    metrics = json.loads((run_here.model / "metrics.json").read_text())
    settings = read_settings(run_here.model)
    truth = load_split(run_here.dataset, "val")
    config = dataclasses.replace(RECIPES["tiny"].training, image_short_sides=(64,), image_max_side=96)
    images = PlanDataset(run_here.dataset / "val", truth, config, augmented=False)
    model = load_model(run_here.model, settings)
    in_fp32, in_bf16 = (
        evaluate(truth, detections(model, images, each), max_detections=80) for each in ("fp32", "bf16")
    )
    assert metrics["f1_threshold"] == in_fp32["f1_threshold"] != in_bf16["f1_threshold"]
    assert settings.thresholds == {
        1: in_fp32["classes"]["wall"]["f1_threshold"],
        2: in_fp32["classes"]["room"]["f1_threshold"],
    }
    [of_epoch] = [each for each in metrics["evaluations"] if each["epoch"] == metrics["epoch"]]
    assert of_epoch["f1_threshold"] == in_bf16["f1_threshold"]
