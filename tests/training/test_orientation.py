"""An update's images have one orientation, so that no batch is larger than its images; they vary as much as without."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dataset_contract.coco import CocoDataset
from dataset_contract.coco import Image as CocoImage
from training_code.config import TrainingConfig
from training_code.data.augmentation import augment, draw_quarter_turns, landscape
from training_code.data.batches import EpochBatchSampler, pad_to_batch
from training_code.data.geometry import LabelledImage
from training_code.data.plan_dataset import PlanDataset, Sample
from training_code.loop.memory import worst_case_batch

PLAIN = TrainingConfig(
    image_short_sides=(64, 48), image_max_side=128, crop_short_sides=(), crop_sides=(48, 70), horizontal_flip=False
)
"""No switch is on."""
TURNED = replace(PLAIN, quarter_turns=True)


def blank(size: tuple[int, int]) -> LabelledImage:
    """White paper."""
    return LabelledImage(Image.new("RGB", size, "white"), np.zeros((0, 4), np.float32), np.zeros(0, int))


class BlankPlans(PlanDataset):
    """Plans of any sizes that need no files."""

    def __init__(self, sizes: list[tuple[int, int]], config: TrainingConfig) -> None:
        images = [CocoImage(number, f"{number}.png", *size) for number, size in enumerate(sizes, start=1)]
        super().__init__(Path(), CocoDataset(images, [], []), config, augmented=True)

    def _read(self, position: int) -> LabelledImage:
        width, height = self.sizes[position].tolist()
        return blank((width, height))


PORTRAIT = np.random.default_rng(0).random((500, 8)) < 0.3
"""Of 500 updates with eight images each."""


def test_turns_depend_on_seed_and_epoch_and_are_equally_frequent() -> None:
    turns = draw_quarter_turns(PORTRAIT, TURNED, epoch=3)
    np.testing.assert_array_equal(turns, draw_quarter_turns(PORTRAIT, TURNED, epoch=3))
    np.testing.assert_allclose(np.bincount(turns.ravel()), [1000] * 4, atol=120)
    for other in (
        draw_quarter_turns(PORTRAIT, TURNED, epoch=4),
        draw_quarter_turns(PORTRAIT, replace(TURNED, seed=2), epoch=3),
    ):
        assert 0.7 < (turns != other).mean() < 0.8


def test_turns_give_an_update_one_orientation_and_half_of_the_updates_each() -> None:
    portrait = PORTRAIT ^ (draw_quarter_turns(PORTRAIT, TURNED, epoch=3) % 2 == 1)
    assert (portrait.all(axis=1) | ~portrait.any(axis=1)).all()
    assert portrait.mean() == 0.5
    single = [draw_quarter_turns(np.zeros((1, 1), dtype=bool), TURNED, epoch=epoch) % 2 for epoch in range(200)]
    assert 0.35 < np.mean(single) < 0.65, "an epoch of one update has either orientation"


@given(st.integers(1, 150), st.integers(1, 150), st.integers(0, 2**32))
def test_a_crop_has_the_orientation_of_its_plan(width: int, height: int, seed: int) -> None:
    config = replace(PLAIN, crop_short_sides=(60, 80))
    labelled = blank((width, height))
    size = augment(labelled, config, short_side=64, rng=np.random.default_rng(seed)).image.size
    assert size[0] >= size[1] if width >= height else size[0] <= size[1]


@pytest.mark.parametrize("size", [(160, 80), (80, 160)])
def test_a_crop_is_as_oblong_as_two_sides_drawn_at_random(size: tuple[int, int]) -> None:
    config = replace(PLAIN, crop_short_sides=(80,), image_max_side=160)
    labelled = blank(size)
    sizes = [
        augment(labelled, config, short_side=64, rng=np.random.default_rng(seed)).image.size for seed in range(4000)
    ]
    cropped = [landscape(each)[0] / 64 for each in sizes if landscape(each) != (128, 64)]
    assert len(cropped) == pytest.approx(2000, abs=200)
    side = np.arange(config.crop_sides[0], config.crop_sides[1] + 1)
    pairs = np.maximum.outer(side, side) / np.minimum.outer(side, side)
    deciles = np.linspace(0, 1, 11)
    np.testing.assert_allclose(np.quantile(cropped, deciles), np.quantile(pairs, deciles), atol=0.025)


def test_plans_of_like_shape_share_a_batch_in_one_orientation() -> None:
    """Also where they come in both; each is turned in each way in time."""
    images = BlankPlans([(200 + n, 100) if n % 3 else (100, 200 + n) for n in range(120)], TURNED)
    seen: dict[int, set[int]] = {position: set() for position in range(120)}
    for epoch in range(24):
        lie, spans = [], []
        for batch in EpochBatchSampler(images, epoch=epoch):
            sizes = np.array([turned_size(images, sample) for sample in batch])
            assert (sizes[:, 0] > sizes[:, 1]).all() or (sizes[:, 0] < sizes[:, 1]).all()
            lie.append(sizes[0, 0] > sizes[0, 1])
            spans.append(np.ptp(sizes.max(axis=1)))
            for sample in batch:
                seen[sample.position].add(sample.quarter_turns)
        assert np.mean(lie) == 0.5
        assert np.mean(spans) < 3, "two at random would differ by 40"
    assert all(turns == {0, 1, 2, 3} for turns in seen.values())


def turned_size(images: PlanDataset, sample: Sample) -> list[int]:
    """Width and height."""
    size: list[int] = images.sizes[sample.position].tolist()
    return size[::-1] if sample.quarter_turns % 2 else size


SIDES = st.sampled_from([20, 50, 100, 101, 150])
"""Some pairs of them are oblong, some square or nearly so."""


@given(
    st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=9),
    st.fixed_dictionaries(
        {
            "batch_size": st.integers(1, 4),
            "accumulation_steps": st.integers(1, 2),
            "crop_short_sides": st.sampled_from([(), (40, 60)]),
            "quarter_turns": st.booleans(),
            "scale_jitter": st.sampled_from([0.0, 0.3]),
            "seed": st.integers(0, 1000),
        }
    ),
)
def test_no_batch_is_larger_than_the_worst_case(sizes: list[tuple[int, int]], settings: dict[str, Any]) -> None:
    """With turns, of either orientation."""
    images = BlankPlans(sizes, replace(PLAIN, image_max_side=96, crop_sides=(32, 64), **settings))
    height, width = worst_case_batch(images, 3, settings["batch_size"]).pixels.shape[2:]
    for batch in (batch for epoch in range(5) for batch in EpochBatchSampler(images, epoch=epoch)):
        padded, _ = pad_to_batch([images.read(sample).pixels for sample in batch])
        found = tuple(padded.shape[2:])
        fits = found[0] <= height and found[1] <= width
        fits_turned = settings["quarter_turns"] and found[0] <= width and found[1] <= height
        assert fits or fits_turned
