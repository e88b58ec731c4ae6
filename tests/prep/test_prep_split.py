"""The split is the one that the YOLO baseline was made with, and always a partition."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_prep.errors import UsageError
from dataset_prep.split import parse_split, split_ids

IDS = st.sets(st.integers(1, 10_000), min_size=1, max_size=300)
SHARES = st.sampled_from([(0.7, 0.2, 0.1), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0), (0.9, 0.1, 0.0), (0.5, 0.25, 0.25)])


def test_4194_images_fall_into_2935_838_and_421() -> None:
    ids = random.Random(0).sample(range(1, 4201), 4194)
    splits = split_ids(ids, (0.7, 0.2, 0.1), 42)
    assert Counter(splits.values()) == {"train": 2935, "val": 838, "test": 421}


def test_the_membership_is_that_of_seed_and_shuffle() -> None:
    """The rule as the baseline's author wrote it, with the module's global generator."""
    ids = list(range(1, 4195))
    state = random.getstate()
    random.seed(42)
    random.shuffle(ids)
    random.setstate(state)
    splits = split_ids(range(1, 4195), (0.7, 0.2, 0.1), 42)
    assert {i for i, split in splits.items() if split == "train"} == set(ids[:2935])
    assert {i for i, split in splits.items() if split == "val"} == set(ids[2935 : 2935 + 838])


@given(ids=IDS, shares=SHARES, seed=st.integers(0, 99))
def test_every_id_is_in_one_split_whatever_the_order_they_come_in(
    ids: set[int], shares: tuple[float, float, float], seed: int
) -> None:
    splits = split_ids(sorted(ids), shares, seed)
    assert splits.keys() == ids
    assert splits == split_ids(sorted(ids, reverse=True), shares, seed)
    counts = Counter(splits.values())
    for name, share in zip(("train", "val", "test"), shares, strict=True):
        assert share > 0 or counts[name] == 0, "a split that was not asked for stays empty"
        assert counts[name] >= int(share * len(ids))


def test_official_means_the_split_of_the_source() -> None:
    assert parse_split("official") is None
    assert parse_split("0.7,0.2,0.1") == (0.7, 0.2, 0.1)


@pytest.mark.parametrize("text", ["", "0.7", "0.7,0.2", "0.7,0.2,0.2", "1,0,0,0", "-0.1,0.6,0.5", "a,b,c", "nan,0,1"])
def test_shares_that_are_none_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"such as --split 0\.7,0\.2,0\.1"):
        parse_split(text)
