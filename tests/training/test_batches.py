"""Every image is trained on in every epoch, in an order that a resumed or a shared run repeats."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from dataset_contract.load import load_split
from image_reader.header import ImageError
from prediction.image_tensors import resized_size
from tests.training.training_jobs import draw_plan
from training_code.config import TrainingConfig
from training_code.data.batches import (
    BatchLoader,
    EpochBatchSampler,
    EvaluationBatchSampler,
    LoadedBatch,
    epoch_order,
    steps_per_epoch,
)
from training_code.data.plan_dataset import Example, PlanDataset, Sample
from training_code.job.failures import DataError, MemoryExhaustedError
from training_code.loop.memory import memory_failures, worst_case_batch
from training_code.recipes import RECIPES

CPU = torch.device("cpu")
CONFIG = replace(RECIPES["tiny"].training, batch_size=2, image_short_sides=(64, 48), image_max_side=96)


def train_images(dataset: Path, config: TrainingConfig = CONFIG) -> PlanDataset:
    return PlanDataset(dataset / "train", load_split(dataset, "train"), config, augmented=True)


def test_an_epoch_leaves_no_image_out() -> None:
    sizes = [(100 + i, 100) for i in range(7)]
    for epoch in range(3):
        order = epoch_order(sizes, CONFIG, epoch=epoch, world_size=2)
        counts = Counter(position for group in order for position in group)
        assert set(counts) == set(range(7))
        assert len(order) == steps_per_epoch(7, CONFIG, 2) == 2


def test_each_epoch_has_its_own_order() -> None:
    sizes = [(100, 100)] * 20
    orders = [epoch_order(sizes, CONFIG, epoch=epoch, world_size=1) for epoch in (0, 1, 0)]
    assert orders[0] == orders[2] != orders[1]


def test_images_of_like_shape_share_a_batch() -> None:
    sizes = [(200, 100), (100, 200)] * 10
    for group in epoch_order(sizes, CONFIG, epoch=0, world_size=1):
        assert len({sizes[position] for position in group}) == 1


TURNED = replace(CONFIG, quarter_turns=True, vertical_flip=True, scale_jitter=0.3, colour_jitter=0.5, line_jitter=0.5)


def test_the_sampler_says_how_a_plan_is_turned(dataset: Path) -> None:
    images = train_images(dataset, TURNED)
    for quarter_turns in range(4):
        example = images[Sample(0, 0, 64, quarter_turns)]
        assert isinstance(example, Example)
        height, width = example.pixels.shape[1:]
        assert (width > height) == (quarter_turns % 2 == 0)


def test_two_processes_share_the_batch_of_one(dataset: Path) -> None:
    whole = list(EpochBatchSampler(train_images(dataset, replace(TURNED, batch_size=4)), epoch=1))
    images = train_images(dataset, TURNED)
    halves = [list(EpochBatchSampler(images, epoch=1, rank=rank, world_size=2)) for rank in (0, 1)]
    assert [first + second for first, second in zip(*halves, strict=True)] == whole


def test_a_resumed_epoch_goes_on_where_it_was(dataset: Path) -> None:
    images = train_images(dataset, replace(TURNED, batch_size=1, accumulation_steps=2))
    assert list(EpochBatchSampler(images, epoch=2, first_step=2)) == list(EpochBatchSampler(images, epoch=2))[4:]


def test_workers_read_the_same(dataset: Path) -> None:
    random_state = torch.get_rng_state()
    images = [train_images(dataset, replace(TURNED, workers=workers)) for workers in (0, 2)]
    batches = []
    for each in images:
        with closing(BatchLoader(each, pin_memory=False)) as loader:
            batches.append(list(loader.read(EpochBatchSampler(each, epoch=0))))
    for one, other in zip(*batches, strict=True):
        assert one.positions == other.positions
        assert torch.equal(one.pixels, other.pixels)
        assert (one.mask is None) == (other.mask is None)
        assert one.mask is None or other.mask is None or torch.equal(one.mask, other.mask)
        assert all(torch.equal(a["boxes"], b["boxes"]) for a, b in zip(one.targets, other.targets, strict=True))
    assert torch.equal(random_state, torch.get_rng_state())  # loading takes none of the model's random numbers


def positions(batches: Iterable[LoadedBatch]) -> list[list[int]]:
    return [batch.positions for batch in batches]


def test_workers_live_from_one_epoch_to_the_next_and_no_longer(dataset: Path) -> None:
    images = train_images(dataset, replace(TURNED, workers=2))
    before = multiprocessing.active_children()
    with closing(BatchLoader(images, pin_memory=False)) as loader:
        workers = []
        for epoch in range(3):
            batches = list(loader.read(EpochBatchSampler(images, epoch=epoch)))
            alone = train_images(dataset, TURNED)
            expected = list(BatchLoader(alone, pin_memory=False).read(EpochBatchSampler(alone, epoch=epoch)))
            assert positions(batches) == positions(expected)
            assert all(torch.equal(one.pixels, other.pixels) for one, other in zip(batches, expected, strict=True))
            workers.append({each.pid for each in multiprocessing.active_children()} - {each.pid for each in before})
        assert workers[0] == workers[1] == workers[2] and len(workers[0]) == 2
    assert multiprocessing.active_children() == before
    loader.close()  # again, which does nothing


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_left_of_a_pass_never_reaches_the_next(dataset: Path, workers: int) -> None:
    images = train_images(dataset, replace(CONFIG, batch_size=1, workers=workers))
    with closing(BatchLoader(images, pin_memory=False)) as loader:
        begun = loader.read(EpochBatchSampler(images, epoch=0))
        assert len(next(begun).positions) == 1
        sampler = EpochBatchSampler(images, epoch=1)
        assert positions(loader.read(sampler)) == [[each.position for each in batch] for batch in sampler]


def test_a_worker_that_is_ended_between_two_epochs_is_named(dataset: Path) -> None:
    images = train_images(dataset, replace(CONFIG, workers=1))
    before = multiprocessing.active_children()
    with closing(BatchLoader(images, pin_memory=False)) as loader:
        list(loader.read(EpochBatchSampler(images, epoch=0)))
        [worker] = set(multiprocessing.active_children()) - set(before)
        with (
            pytest.raises(MemoryExhaustedError, match="a process that reads images was ended"),
            memory_failures(images.config),
        ):
            worker.kill()
            time.sleep(10)  # as long as an evaluation between them may take
    assert multiprocessing.active_children() == before


def test_boxes_are_shares_of_the_image_without_its_padding(dataset: Path) -> None:
    images = PlanDataset(dataset / "val", load_split(dataset, "val"), CONFIG, augmented=False)
    [batch] = BatchLoader(images, pin_memory=False).read(EpochBatchSampler(images, epoch=0))
    assert sorted(batch.positions) == [0, 1]
    for index, (position, target) in enumerate(zip(batch.positions, batch.targets, strict=True)):
        picture, boxes = draw_plan(int(images.image_ids[position]))
        _, (x0, y0, x1, y1) = boxes[2]
        expected = [(x0 + x1) / 2 / picture.width, (y0 + y1) / 2 / picture.height]
        expected += [(x1 - x0) / picture.width, (y1 - y0) / picture.height]
        torch.testing.assert_close(target["boxes"][2], torch.tensor(expected))
        assert batch.mask is not None
        height, width = (int(size) for size in (~batch.mask[index]).nonzero().max(0).values + 1)
        assert abs(width / height - picture.width / picture.height) < 0.05
        assert batch.to(CPU).images[index, :, :, width:].abs().sum() == 0


def test_evaluation_pads_no_image(dataset: Path) -> None:
    config = replace(CONFIG, batch_size=8)
    images = PlanDataset(dataset / "val", load_split(dataset, "val"), config, augmented=False)
    for image_id, batch in zip(
        (7, 8), BatchLoader(images, pin_memory=False).read(EvaluationBatchSampler(images)), strict=True
    ):
        picture, _ = draw_plan(image_id)
        size = resized_size(picture.size, config.image_short_sides[-1], config.image_max_side)
        assert tuple(batch.pixels.shape) == (1, 3, size[1], size[0]) and batch.mask is None


def test_crowds_are_not_trained_as_objects(dataset: Path) -> None:
    split = load_split(dataset, "train")
    crowded = replace(split, annotations=[box._replace(iscrowd=int(box.category_id == 1)) for box in split.annotations])
    images = PlanDataset(dataset / "train", crowded, CONFIG, augmented=True)
    batches = BatchLoader(images, pin_memory=False).read(EpochBatchSampler(images, epoch=0))
    labels = torch.cat([target["labels"] for batch in batches for target in batch.targets])
    assert labels.tolist() == [2] * 5  # the room of each plan but the empty one
    assert images.most_boxes == 1


def test_an_image_without_boxes_is_trained_on(dataset: Path) -> None:
    images = train_images(dataset)
    batches = list(BatchLoader(images, pin_memory=False).read(EpochBatchSampler(images, epoch=0)))
    counts = {position: len(t["labels"]) for b in batches for position, t in zip(b.positions, b.targets, strict=True)}
    assert counts == {0: 3, 1: 3, 2: 0, 3: 3, 4: 3, 5: 3}


@pytest.mark.parametrize("workers", [0, 1])
def test_a_broken_image_is_named(dataset: Path, tmp_path: Path, workers: int) -> None:
    folder = tmp_path / "train"
    folder.mkdir()
    (folder / "images").mkdir()
    for source in (dataset / "train" / "images").iterdir():
        data = source.read_bytes()
        (folder / "images" / source.name).write_bytes(data[:60] if source.name == "000004.png" else data)
    images = PlanDataset(folder, load_split(dataset, "train"), replace(CONFIG, workers=workers), augmented=True)
    with (
        closing(BatchLoader(images, pin_memory=False)) as loader,
        pytest.raises(DataError, match=r"^DATA: The image .*000004\.png cannot be decoded"),
    ):
        list(loader.read(EpochBatchSampler(images, epoch=0)))


def test_no_image_has_more_boxes_than_the_worst_case(dataset: Path) -> None:
    images = train_images(dataset)
    most = len(worst_case_batch(images, 3, 2).targets[0]["labels"])
    for batch in BatchLoader(images, pin_memory=False).read(EpochBatchSampler(images, epoch=0)):
        assert max(len(target["labels"]) for target in batch.targets) <= most


def test_an_image_that_memory_lacks_for_is_not_to_blame(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(_: Path) -> Image.Image:
        try:
            raise MemoryError
        except MemoryError as error:
            raise ImageError("cannot be decoded (MemoryError)") from error

    monkeypatch.setattr("training_code.data.plan_dataset.open_image", decode)
    images = train_images(dataset)
    with pytest.raises(MemoryError):
        images[Sample(0, 0, CONFIG.image_short_sides[0], 0)]
