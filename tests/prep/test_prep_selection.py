"""Classes are found by name, types of rooms too; who leaves images out knows what it does to the splits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_contract.findings import Finding, Severity
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.selection import Selection, SelectionOptions, select
from dataset_prep.sources.source import Source, SourceBox, SourceImage

ROOMS = ("Closet WalkIn", "Bedroom", "LivingRoom", "Outdoor Balcony", "Outdoor Terrace", None)
BOX = (1.0, 1.0, 5.0, 5.0)


def image(image_id: int, *boxes: SourceBox, mismatched: bool = False) -> SourceImage:
    return SourceImage(image_id, Path(f"{image_id}.png"), 40, 30, boxes, mismatched=mismatched)


def chosen(images: Sequence[SourceImage], **options: object) -> tuple[Selection, list[Finding]]:
    selection = select(Source("cubicasa5k", list(images)), SelectionOptions(**options))  # type: ignore[arg-type]
    return selection, list(selection.findings)


def labels(*classes: str) -> list[str]:
    """The classes of one box of each type of room in ROOMS, and of a wall, that are kept."""
    boxes = [SourceBox("room", BOX, kind) for kind in ROOMS]
    selection, _ = chosen([image(1, *boxes, SourceBox("wall", BOX))], classes=classes)
    return [box.label for box in selection.images[0].boxes]


def test_a_named_type_of_room_is_a_class_and_room_is_all_others() -> None:
    assert labels("wall", "room", "bedroom") == ["room", "bedroom", *["room"] * 4, "wall"]


def test_rooms_of_types_that_are_not_named_are_left_out_and_counted_where_room_is_not_named() -> None:
    assert labels("bedroom", "wall") == ["bedroom", "wall"]
    boxes = [SourceBox("room", BOX, kind) for kind in ROOMS]
    _, findings = chosen([image(1, *boxes)], classes=("bedroom",))
    (finding,) = findings
    assert (finding.code, finding.severity) == ("CLASS_NOT_ASKED_FOR", Severity.INFO)
    assert "5 boxes of the class room" in finding.message


@pytest.mark.parametrize("name", ["livingroom", "LivingRoom", "Living Room", "LIVING_ROOM", "living-room"])
def test_a_type_is_known_however_it_is_written(name: str) -> None:
    assert labels(name) == [" ".join(name.lower().split())]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("closet",), ["closet"]),
        (("walkin",), ["walkin"]),
        (("closet walkin",), ["closet walkin"]),
        (("closet", "walkin"), ["walkin"]),
        (("outdoor",), ["outdoor", "outdoor"]),
        (("outdoor", "balcony"), ["balcony", "outdoor"]),
    ],
)
def test_of_a_type_and_its_subtype_the_more_specific_name_wins(names: tuple[str, ...], expected: list[str]) -> None:
    assert labels(*names) == expected


def test_a_name_that_is_no_type_of_room_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"--classes kitchn: .* Bedroom, Closet WalkIn, LivingRoom"):
        labels("wall", "kitchn")


@given(kinds=st.lists(st.sampled_from(ROOMS), min_size=1), names=st.sets(st.sampled_from(["bedroom", "outdoor"])))
def test_no_box_is_lost_as_long_as_room_is_named(kinds: list[str | None], names: set[str]) -> None:
    images = [image(1, *[SourceBox("room", BOX, kind) for kind in (*kinds, *ROOMS)])]
    selection, findings = chosen(images, classes=("room", *sorted(names)))
    assert [box.room_type for box in selection.images[0].boxes] == [*kinds, *ROOMS]
    assert findings == []


def test_4200_plans_without_the_6_empty_ones_split_into_2935_838_and_421() -> None:
    empty = {17, 400, 1234, 2000, 3999, 4200}
    images = [image(i, *([] if i in empty else [SourceBox("wall", BOX)])) for i in range(1, 4201)]
    kept, findings = chosen(images)
    assert (len(kept.images), findings) == (4200, [])
    dropped, (finding,) = chosen(images, drop_empty=True)
    assert [len(dropped.of_split(split)) for split in ("train", "val", "test")] == [2935, 838, 421]
    assert finding.message == "6 images without boxes are left out."


def test_mismatched_annotations_are_kept_unless_they_are_to_be_dropped_and_all_others_stay_in_their_splits() -> None:
    wall = SourceBox("wall", BOX)
    images = [image(i, wall, mismatched=i % 10 == 0) for i in range(1, 101)]
    kept, _ = chosen(images)
    dropped, (finding,) = chosen(images, drop_mismatched=True)
    assert len(kept.images) == 100
    assert {i.image_id for i in dropped.images} == {i for i in range(1, 101) if i % 10}
    for split in ("train", "val", "test"):
        assert dropped.of_split(split) == [i for i in kept.of_split(split) if not i.mismatched]
    assert dropped.splits.keys() == {i.image_id for i in dropped.images}
    assert (finding.code, finding.severity) == ("MISMATCHED_DROPPED", Severity.INFO)
    with pytest.raises(PrepError, match="nothing is left"):
        chosen([image(1, wall, mismatched=True)], drop_mismatched=True)


@pytest.mark.parametrize("names", [("straße", "strasse"), ("wall", "ﬁtting", "Fitting")])
def test_names_that_the_contract_takes_for_one_are_refused(names: Sequence[str]) -> None:
    with pytest.raises(PrepError, match="count as one: name only one of them"):
        chosen([image(1, SourceBox(names[0], BOX))], classes=names)
