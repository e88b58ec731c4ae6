"""Writing a COCO file gives the same bytes for the same content, and what reading takes."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_contract.coco import Annotation, Category, CocoDataset, Image, coco_to_bytes, parse_coco

numbers = st.floats(0, 5000, allow_nan=False) | st.integers(0, 5000)
datasets = st.builds(
    lambda images, boxes: CocoDataset(
        [
            Image(i + 1, f"images/{i + 1:06d}.png", width, height, folder)
            for i, (width, height, folder) in enumerate(images)
        ],
        [
            Annotation(
                i, 1 + i % len(images), 1 + i % 2, values, values[2] * values[3], 0, {"room_type": text} if text else {}
            )
            for i, (values, text) in enumerate(boxes)
        ],
        [Category(1, "wall"), Category(2, "room")],
    ),
    st.lists(
        st.tuples(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from(["", "colorful", "Küche, 1:100"])),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.tuples(st.tuples(numbers, numbers, numbers, numbers), st.text(max_size=5)), max_size=6),
)


@given(datasets, st.randoms())
def test_writing_is_the_inverse_of_reading_and_knows_no_order(dataset: CocoDataset, rng: random.Random) -> None:
    data = coco_to_bytes(dataset)
    assert data.endswith(b"\n")
    again, findings = parse_coco(data, file="a")
    assert findings == []
    assert again == dataset
    shuffled = CocoDataset(
        rng.sample(dataset.images, len(dataset.images)),
        rng.sample(dataset.annotations, len(dataset.annotations)),
        rng.sample(dataset.categories, len(dataset.categories)),
    )
    assert coco_to_bytes(shuffled) == data


def test_equal_numbers_are_written_alike() -> None:
    def written(zero: float, ten: float) -> bytes:
        item = Annotation(1, 1, 1, (zero, ten, ten, ten), ten * ten)
        return coco_to_bytes(CocoDataset([Image(1, "a", 20, 20)], [item], [Category(1, "wall")]))

    assert written(0, 10) == written(-0.0, 10.0)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("place", range(5))
def test_what_is_no_finite_number_is_never_written(number: float, place: int) -> None:
    x, y, width, height, area = (number if index == place else 1.5 for index in range(5))
    item = Annotation(1, 1, 1, (x, y, width, height), area)
    with pytest.raises(ValueError, match="JSON"):
        coco_to_bytes(CocoDataset([], [item], []))


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_a_number_is_written_as_json_has_it_and_whole_ones_without_a_point(number: float) -> None:
    item = Annotation(1, 1, 1, (number, 0, 1, 1), 1)
    text = coco_to_bytes(CocoDataset([], [item], [])).decode()
    written = text.partition('"bbox":[')[2].partition(",")[0]
    assert json.loads(written) == number
    assert written == (str(int(number)) if number == int(number) else repr(number))
