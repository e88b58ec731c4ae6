"""A split is loaded for training, or one sentence says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_contract.load import DatasetError, load_split
from tests.contract.samples import SampleDataset


def test_a_split_is_loaded(tmp_path: Path) -> None:
    root = SampleDataset().write(tmp_path)
    dataset = load_split(root, "val")
    assert [image.id for image in dataset.images] == [5, 6]
    assert dataset.annotations[0].bbox == (10, 10.5, 60.25, 4)


def test_a_missing_split_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"val/annotations\.json cannot be read \(No such file.*run\.py"):
        load_split(tmp_path, "val")


def test_a_wrong_split_is_one_sentence_with_the_place(tmp_path: Path) -> None:
    sample = SampleDataset()
    sample.coco["train"]["annotations"][1]["bbox"] = "none"
    with pytest.raises(DatasetError, match="Annotation 3 has 'none' as its bbox"):
        load_split(sample.write(tmp_path), "train")


def test_warnings_do_not_stop_it(tmp_path: Path) -> None:
    sample = SampleDataset()
    del sample.coco["train"]["annotations"][1]["area"]
    assert load_split(sample.write(tmp_path), "train").annotations[1].area == 50 * 40
