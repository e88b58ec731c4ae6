"""What is said of a data set as it is written is what its files say to whoever reads them next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dataset_contract import check
from dataset_contract.check import check_dataset
from dataset_contract.findings import Report
from dataset_prep.check import check_written
from dataset_prep.compare import Compared
from dataset_prep.output import DryRun, Output
from dataset_prep.selection import Selection
from dataset_prep.sources.source import SourceBox, SourceImage
from dataset_prep.write import write_dataset

SOUND = (SourceBox("wall", (0.0, 1.5, 5, 2.125)), SourceBox("room", (3.0, 4.0, 30.5, 20.0), "LivingRoom"))
CROWD = SourceBox("room", (1, 1, 10, 10), None, 1)


def selection(
    make_image: Callable[..., Path], boxes: Sequence[Sequence[SourceBox]] = (SOUND,) * 4, folder: str = ""
) -> Selection:
    images = [
        SourceImage(number, make_image(f"{number}.png", colour=number), 40, 30, tuple(each), folder=folder)
        for number, each in enumerate(boxes, start=1)
    ]
    splits = {image.image_id: ("train", "train", "val", "test")[(image.image_id - 1) % 4] for image in images}
    return Selection(images, splits, ("wall", "room"))


def write_and_check(output: Output, selected: Selection, meanwhile: Callable[[], object] = lambda: None) -> Report:
    with output.opened():
        written = write_dataset(output, selected, source={"format": "x"}, options={}, workers=1)
        assert written.manifest is not None
        meanwhile()
        return check_written(
            output.store, Compared(selected), written.manifest, written.facts, annotations=written.annotations
        )


WRITTEN: dict[str, tuple[Sequence[Sequence[SourceBox]], str]] = {
    "sound": ([SOUND, SOUND[:1], SOUND, SOUND], "high_quality/Pläne"),
    "crowds only": ([[CROWD]] * 4, ""),
    "outside, empty and thin": (
        [[SourceBox("wall", box)] for box in ((39, 1, 50, 3), (1, 1, 0, 3), (1, 1, 4, 0.25), (-5, 1, 8, 8))],
        "a",
    ),
    "whole image, and twice": ([[SourceBox("room", (0, 0, 40, 30))] * 2] * 4, ""),
    "far away": ([[SourceBox("room", (1e8, 2.0**52, 1e7, 1e8))]] * 4, ""),
    "nothing": ([()] * 4, ""),
    "no test split": ([SOUND, SOUND, SOUND], ""),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_it_is_what_the_contract_says_of_the_files(kind: str, tmp_path: Path, make_image: Callable[..., Path]) -> None:
    boxes, folder = WRITTEN[kind]
    output = Output(tmp_path / "out")
    report = write_and_check(output, selection(make_image, boxes, folder))
    assert report == check_dataset(output.store)
    assert (report.verdict == "valid") == (kind in ("sound", "whole image, and twice", "no test split"))


@pytest.mark.parametrize("kind", [Output, DryRun])
def test_annotations_that_were_just_written_are_not_parsed(
    kind: type[Output], tmp_path: Path, make_image: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "parse_coco", lambda *_, **__: pytest.fail("parsed"))
    report = write_and_check(kind(tmp_path / "out"), selection(make_image))
    assert report.verdict == "valid"
    assert report.counts["annotations"] == 8


def test_annotations_that_are_no_longer_what_was_written_are_read(
    tmp_path: Path, make_image: Callable[..., Path]
) -> None:
    output = Output(tmp_path / "out")
    file = tmp_path / "out/train/annotations.json"

    def damage() -> None:
        file.write_text(file.read_text().replace('"category_id":1', '"category_id":7', 1))

    report = write_and_check(output, selection(make_image), damage)
    assert {"CATEGORY_ID_UNKNOWN", "FILE_HASH_DIFFERS"} <= report.count_by_code().keys()
