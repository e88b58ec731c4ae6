"""A defect in a COCO source is refused or reported by the command line: never a traceback, never dropped unsaid."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dataset_contract.findings import Finding, Report
from dataset_prep import run
from tests.contract.samples import SampleDataset, png
from tests.contract.test_planted_coco_defects import DEFECTS

SPLITS = ("train", "val", "test")
# Defects of a data set that are none of a source: preparation finds images by the end of their path, takes classes by
# name, splits and numbers again, makes plain PNGs of all images, and reads what tools write otherwise, and says so.
NONE_OF_A_SOURCE = frozenset(
    {
        "category id of a billion",
        "split missing",
        "classes differ",
        "name './images/000001.png'",
        "image with a palette",
        "image with a transparent colour",
        "UTF-16",
        "byte order mark",
        "id a text",
        "id a float",
        "iscrowd true",
        "image id a text",
        "numbers as texts",
        "width a float",
        "height missing",
    }
)


def write_source(sample: SampleDataset, root: Path) -> None:
    """The sample as a source with one COCO file for each split."""
    for path, data in sample.all_files().items():
        if path != "manifest.json":
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)


@pytest.fixture
def prepare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, Sequence[Finding], str]]:
    """Runs the command line on tmp_path/source: exit status, findings, and what stands on standard error."""
    reports: list[Report] = []
    monkeypatch.setattr(run, "show_summary", lambda console, prepared, **_: reports.append(prepared.report))

    def go(*more: object) -> tuple[int, Sequence[Finding], str]:
        files = [path for split in SPLITS if (path := tmp_path / "source" / split / "annotations.json").exists()]
        arguments = ["--source", tmp_path / "source", "--format", "coco", "--annotations", *files]
        arguments += ["--output", tmp_path / "d", "--split", "official", "--workers", "1", *more]
        status = run.main([str(argument) for argument in arguments])
        return status, reports[-1].findings if reports else [], capsys.readouterr().err.strip()

    return go


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_of_the_contract_is_said_of_a_source_too(tmp_path: Path, prepare: Any, defect: str) -> None:
    sample = SampleDataset()
    DEFECTS[defect][0](sample)
    write_source(sample, tmp_path / "source")
    status, findings, error = prepare()
    assert "Traceback" not in error
    errors = [finding for finding in findings if finding.severity.value == "error"]
    if error:
        assert status in {1, 2} and len(error.splitlines()) == 1
    else:
        assert status == (1 if errors else 0)
        expected = DEFECTS[defect][2] == "error" and defect not in NONE_OF_A_SOURCE
        assert errors or not expected, [finding.code for finding in findings]
        assert not errors or defect not in NONE_OF_A_SOURCE
    images = sum(len((coco or {}).get("images") or []) for coco in sample.coco.values() if isinstance(coco, dict))
    written = [json.loads(path.read_bytes()) for path in (tmp_path / "d").glob("*/annotations.json")]
    if status == 0:  # nothing was dropped
        assert sum(len(coco["images"]) for coco in written) == images


def first_image(tmp_path: Path, **change: Any) -> None:
    path = tmp_path / "source/train/annotations.json"
    coco = json.loads(path.read_bytes())
    coco["images"][0].update(change)
    path.write_text(json.dumps(coco))


def second(tmp_path: Path) -> Path:
    """Another image of the name of image 1's, in another folder."""
    path = tmp_path / "source/elsewhere/000001.png"
    path.parent.mkdir()
    return Path(shutil.copy(tmp_path / "source/train/images/000002.png", path))


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (120, 80)).save(path, exif=exif.tobytes())


def instead(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def uncertain(tmp_path: Path) -> None:
    second(tmp_path)
    (tmp_path / IMAGE_1).unlink()
    first_image(tmp_path, file_name="/kaggle/x/12/000001.png")


def ambiguous(tmp_path: Path) -> None:
    second(tmp_path)
    first_image(tmp_path, file_name="x/000001.png")


def linked_out(tmp_path: Path) -> None:
    (tmp_path / IMAGE_1).rename(tmp_path / "out.png")
    (tmp_path / IMAGE_1).symlink_to(tmp_path / "out.png")


IMAGE_1 = "source/train/images/000001.png"
PLANTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "image missing": (lambda p: (p / IMAGE_1).unlink(), "IMAGE_MISSING", "no such file"),
    "image in another case": (
        lambda p: (p / IMAGE_1).rename(p / "source/train/images/000001.PNG"),
        "IMAGE_MISSING",
        ".PNG",
    ),
    "image by its base name only": (uncertain, "IMAGE_UNCERTAIN", "in another folder"),
    "image ambiguous": (ambiguous, "IMAGE_AMBIGUOUS", "fits 2"),
    "two images, one file": (
        lambda p: first_image(p, file_name="images/000002.png"),
        "IMAGE_FILE_TWICE",
        "000002.png",
    ),
    "image a pipe": (lambda p: instead(p / IMAGE_1, os.mkfifo), "FILE_REFUSED", "not a regular file"),
    "image a link out": (linked_out, "FILE_REFUSED", "leads out"),
    "image a bomb": (lambda p: (p / IMAGE_1).write_bytes(png(60_000, 60_000)), "IMAGE_BROKEN", "000001.png"),
    "image turned by EXIF": (lambda p: turned(p / IMAGE_1), "IMAGE_SIZE_DIFFERS", "swapped"),
    "ids twice over the files": (
        lambda p: shutil.copy(p / "source/train/annotations.json", p / "source/val/annotations.json"),
        "IMAGE_FILE_TWICE",
        "image 1 of train/annotations.json and image 1 both lead to",
    ),
}


def test_an_image_that_was_copied_is_named_as_the_source_has_it(tmp_path: Path, prepare: Any) -> None:
    write_source(SampleDataset(), tmp_path / "source")
    (tmp_path / IMAGE_1).write_bytes(png()[:-12])
    (finding,) = (finding for finding in prepare()[1] if finding.code == "IMAGE_DAMAGED")
    assert finding.file == "train/images/000001.png"
    assert finding.message.endswith("; it was made from train/images/000001.png.")
    assert finding.fix.startswith("Replace the image in the source")


@pytest.mark.parametrize("bbox", [[50, 20, -9, 9], [50, 20, 9, -9], [50, 20, -9, -9]])
def test_a_negative_side_is_said_of_the_box_not_of_an_area_that_nobody_wrote(
    tmp_path: Path, prepare: Any, bbox: list[int]
) -> None:
    sample = SampleDataset()
    sample.coco["train"]["annotations"][2].update(bbox=bbox, area=81)
    write_source(sample, tmp_path / "source")
    errors = [finding.code for finding in prepare()[1] if finding.severity.value == "error"]
    assert errors == ["BOX_EMPTY"]


@pytest.mark.parametrize("defect", PLANTS)
def test_a_defect_of_a_source_itself_is_an_error(tmp_path: Path, prepare: Any, defect: str) -> None:
    plant, code, words = PLANTS[defect]
    write_source(SampleDataset(), tmp_path / "source")
    plant(tmp_path)
    status, findings, error = prepare()
    found = [finding for finding in findings if finding.code == code]
    assert (status, error) == (1, "")
    assert found and found[0].severity.value == "error"
    assert words in found[0].message


def test_a_sound_source_has_no_finding(tmp_path: Path, prepare: Any) -> None:
    write_source(SampleDataset(), tmp_path / "source")
    status, findings, error = prepare()
    assert (status, error) == (0, "")
    assert [finding for finding in findings if finding.severity.value != "info"] == []


def test_two_categories_of_one_class_are_said(tmp_path: Path, prepare: Any) -> None:
    sample = SampleDataset()
    for coco in sample.coco.values():
        coco["categories"].append({"id": 3, "name": "Walls"})
    write_source(sample, tmp_path / "source")
    status, findings, _ = prepare()
    assert status == 0
    assert [finding.code for finding in findings if finding.severity.value == "warning"] == ["CLASSES_MERGED"] * 3
