"""How far splits may differ from the shares that were asked for, and in their balance of classes."""

from __future__ import annotations

import pytest

from dataset_contract.coco_types import Annotation, Category, CocoDataset, Image
from dataset_contract.manifest import Manifest, build_manifest
from dataset_contract.manifest_checks import SHARE_TOLERATED, check_shares
from dataset_contract.split_checks import IMBALANCE, check_splits


def dataset(first: int, images: int, walls: int = 1, rooms: int = 0) -> CocoDataset:
    return CocoDataset(
        [Image(first + number, f"images/{first + number:06d}.png", 100, 80) for number in range(images)],
        [
            Annotation(1000 * first + number, first, 1 if number < walls else 2, (1.0, 1.0, 9.0, 9.0), 81.0, 0)
            for number in range(walls + rooms)
        ],
        [Category(1, "wall"), Category(2, "room")],
    )


def manifest(split: list[float], datasets: dict[str, CocoDataset]) -> Manifest:
    return build_manifest(tool="x", source={}, options={"split": split}, datasets=datasets, files=[])


@pytest.mark.parametrize(("val", "differs"), [(12, False), (27, False), (28, False), (29, True), (11, True)])
def test_a_split_may_differ_from_its_share_by_a_twentieth_of_all_images_and_three(val: int, differs: bool) -> None:
    datasets = {"train": dataset(1, 70), "val": dataset(200, val), "test": dataset(400, 30 - val)}
    assert SHARE_TOLERATED == 0.05
    named = {finding.split for finding in check_shares(manifest([0.7, 0.2, 0.1], datasets), datasets)}
    assert ("val" in named) == differs
    assert "train" not in named


@pytest.mark.parametrize(("walls", "warned"), [(35, False), (36, True), (15, False), (14, True)])
def test_a_class_may_be_a_fifth_of_the_boxes_more_or_less_than_in_train(walls: int, warned: bool) -> None:
    datasets = {
        "train": dataset(1, 5, 50, 50),
        "val": dataset(200, 5, walls, 50 - walls),
        "test": dataset(400, 5, 25, 25),
    }
    assert IMBALANCE == 0.2
    found = [finding for finding in check_splits(datasets) if finding.code == "CLASS_BALANCE"]
    assert {finding.split for finding in found} == ({"val"} if warned else set())


@pytest.mark.parametrize(("boxes", "warned"), [(49, False), (50, True)])
def test_the_balance_of_few_boxes_says_nothing(boxes: int, warned: bool) -> None:
    datasets = {"train": dataset(1, 5, 50, 50), "val": dataset(200, 5, boxes), "test": dataset(400, 5, 25, 25)}
    assert any(finding.code == "CLASS_BALANCE" for finding in check_splits(datasets)) == warned
