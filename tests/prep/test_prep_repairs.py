"""Boxes are repaired only where it was asked for, each is counted, and what is likely to be wrong is not hidden."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataset_contract.findings import Severity
from dataset_prep.sources.repairs import Repairs, repair
from dataset_prep.sources.source import Source, SourceBox, SourceImage

BOTH = Repairs(clip=True, drop_zero_size=True)
NUMBER = st.floats(-200, 300, allow_nan=False)
BOXES = st.lists(st.tuples(NUMBER, NUMBER, NUMBER, NUMBER), max_size=8)


def source(*boxes: tuple[float, float, float, float]) -> Source:
    image = SourceImage(7, Path("a.png"), 100, 50, tuple(SourceBox("wall", bbox) for bbox in boxes))
    return Source("coco", [image])


def repaired(repairs: Repairs, *boxes: tuple[float, float, float, float]) -> list[tuple[float, float, float, float]]:
    return [box.bbox for box in repair(source(*boxes), repairs).images[0].boxes]


@given(BOXES)
def test_nothing_is_repaired_that_was_not_asked_for(boxes: list[tuple[float, float, float, float]]) -> None:
    assert repair(source(*boxes), Repairs()) == source(*boxes)


@given(BOXES)
@example([(0.0, 0.0, 101.0, 1e-8)])
def test_each_repaired_box_is_counted_once(boxes: list[tuple[float, float, float, float]]) -> None:
    done = repair(source(*boxes), BOTH)
    after = [box.bbox for box in done.images[0].boxes]
    assert all(width > 0 and height > 0 for _, _, width, height in after)
    counts = {
        code: sum(finding.occurrences for finding in done.findings if finding.code == code)
        for code in ("BOX_CLIPPED", "BOX_DROPPED")
    }
    kept = [bbox for bbox in boxes if bbox[2] > 0 and bbox[3] > 0]
    assert counts["BOX_DROPPED"] == len(boxes) - len(kept)
    assert counts["BOX_CLIPPED"] == sum(old != new for old, new in zip(kept, after, strict=True))
    assert all(finding.severity is Severity.INFO for finding in done.findings)
    assert repair(done, BOTH).images == done.images, "a second time, nothing is left to repair"


@given(
    x=st.floats(0, 90),
    y=st.floats(0, 40),
    width=st.floats(1, 200),
    height=st.floats(1, 200),
)
def test_a_cut_box_is_the_part_inside_of_its_image(x: float, y: float, width: float, height: float) -> None:
    (cut,) = repaired(BOTH, (x, y, width, height))
    inside = min(x + width, 100) - x, min(y + height, 50) - y
    if inside[0] * inside[1] >= 0.51 * width * height:
        assert cut == pytest.approx((x, y, *inside), abs=0.02)


@pytest.mark.parametrize(
    "bbox",
    [(200, 10, 50, 20), (-40, 10, 50, 20), (60, 30, 90, 45), (50, 25, 100, 50)],
    ids=["outside", "mostly outside", "two corners", "twice the scale"],
)
def test_a_box_that_is_mostly_outside_stays_for_the_checks_to_refuse(bbox: tuple[float, float, float, float]) -> None:
    assert repaired(BOTH, bbox) == [bbox]


def test_the_two_repairs_are_two() -> None:
    over, empty = (90.0, 10.0, 15.0, 5.0), (5.0, 5.0, 0.0, 9.0)
    assert repaired(Repairs(clip=True), over, empty) == [(90.0, 10.0, 10.0, 5.0), empty]
    assert repaired(Repairs(drop_zero_size=True), over, empty) == [over]
