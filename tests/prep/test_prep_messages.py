"""What is refused is named for what it is, with a remedy that can work; a dry run refuses what the real run would."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from dataset_contract.atomic_write import write_atomically
from dataset_contract.bounded_read import read_regular
from dataset_prep.run import main
from image_reader.decoding import open_image
from image_reader.header import ImageError, read_header
from tests.prep.exports import EXPORTS, HEIGHT, ROWS, WIDTH, Export, cvat_yolo, roboflow_coco, ultralytics

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
BOX = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 40, 30], "area": 1200, "iscrowd": 0}


def planted(path: Path, write: Callable[[Export], object]) -> Path:
    write(Export(path / "source"))
    return path / "source"


@pytest.mark.parametrize(
    ("write", "pattern"),
    [
        (ultralytics, "*.jpg"),
        (ultralytics, "train*.txt"),
        (ultralytics, "data.yaml"),
        (roboflow_coco, "*.jpg"),
        (roboflow_coco, "*.json"),
    ],
)
def test_what_git_lfs_left_in_place_of_a_file_is_named(
    tmp_path: Path, said: Callable[..., tuple[int, str]], write: Callable[[Export], object], pattern: str
) -> None:
    for path in planted(tmp_path, write).rglob(pattern):
        path.write_text(POINTER)
    status, text = said()
    assert status == 1
    assert "it is a Git LFS pointer, not the file itself" in text
    assert "`git lfs pull`" in text


def test_the_first_real_finding_is_named_where_no_image_can_be_used(
    tmp_path: Path, said: Callable[..., tuple[int, str]]
) -> None:
    source = planted(tmp_path, ultralytics)
    shutil.rmtree(source / "images")
    status, text = said()
    assert status == 1
    assert "data.yaml names images/train for train, and there is no such path below" in text
    assert "Correct data.yaml, or copy the images that it names." in text


def test_the_remedy_is_shown_where_no_plan_can_be_converted(
    tmp_path: Path, samples: Path, said: Callable[..., tuple[int, str]]
) -> None:
    shutil.copytree(samples, tmp_path / "source")
    for path in sorted((tmp_path / "source").rglob("model.svg")):
        path.write_text(POINTER)
    for path in sorted((tmp_path / "source").rglob("F1_original.png"))[1:]:
        shutil.rmtree(path.parent)  # an info about absent plans comes first
    status, text = said()
    assert status == 1
    assert "the first problem: " in text
    assert "Git LFS pointer" in text
    assert "or remove the plan's folder." in text


def test_images_of_kinds_that_are_not_read_are_named(tmp_path: Path, said: Callable[..., tuple[int, str]]) -> None:
    source = planted(tmp_path, ultralytics)
    (source / "images/train/phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (source / "labels/train/phone.txt").write_text(ROWS)
    (source / "images/train/sheet.pdf").write_bytes(b"%PDF-1.7")
    (source / "images/train/renamed.jpg").write_bytes(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(40))
    status, text = said()
    assert status == 1
    assert "labels/train/phone.txt has no image of the same name but phone.HEIC: HEIC is not read." in text
    assert "1 file is PDF, which is not read, such as sheet.pdf." in text
    assert "renamed.jpg is not an image that can be read: it is a HEIC file." in text
    assert text.count("-> Convert it to PNG or JPEG, upright and in the size that its boxes were drawn in") == 3


def test_a_coco_file_that_names_what_is_not_read_says_so(tmp_path: Path, said: Callable[..., tuple[int, str]]) -> None:
    out = Export(tmp_path / "source")
    out.text("sheet.pdf", b"%PDF-1.7")
    out.coco("labels.json", ["sheet.pdf"])
    status, text = said()
    assert status == 2
    assert "There is no image that can be read below" in text
    assert "1 file is PDF, which is not read, such as sheet.pdf." in text
    out.picture("plan.png")
    assert "labels.json: image 1 is sheet.pdf: PDF is not read." in said()[1]


def test_avif_is_read_and_a_damaged_one_is_not_blamed_on_its_format(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    Image.new("RGB", (40, 30), (200, 30, 30)).save(path)
    assert (read_header(path).width, read_header(path).format) == (40, "AVIF")
    assert open_image(path).size == (40, 30)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ImageError, match="is not an image that can be read: it begins like an AVIF file, and is dam"):
        read_header(path)


@pytest.mark.parametrize(("subfile_type", "pages"), [(None, True), (0, True), (1, False), (4, False)])
def test_a_tiff_of_several_pages_is_refused_and_one_with_a_thumbnail_read(
    subfile_type: int | None, pages: bool
) -> None:
    first, second = Image.new("RGB", (40, 30)), Image.new("RGB", (20, 15))
    if subfile_type is not None:
        second.encoderinfo = {"tiffinfo": {254: subfile_type}}
    buffer = io.BytesIO()
    first.save(buffer, "TIFF", save_all=True, append_images=[second])
    if pages:
        with pytest.raises(ImageError, match="is a TIFF file of several pages, and a plan is one") as caught:
            read_header(buffer.getvalue())
        assert "Save each page as a file of its own" in (caught.value.fix or "")
    else:
        assert read_header(buffer.getvalue()).width == open_image(buffer.getvalue()).width == 40


def test_polygons_without_boxes_have_the_boxes_around_them(
    tmp_path: Path, said: Callable[..., tuple[int, str]]
) -> None:
    out = Export(tmp_path / "source")
    out.picture("a.png")
    polygons = [[10, 12.5, 50, 10, 50, 40], [30, 20, 60, 20, 60, 45.25]]
    differs = {"segmentation": polygons, "bbox": None}
    out.coco("labels.json", ["a.png"], annotation=differs, boxes=[("room", (0, 0, 1, 1))])
    status, text = said("--split", "1,0,0", "--classes", "room")
    assert status == 0
    assert "labels.json: 1 object has polygons and no bbox" in text
    (box,) = json.loads((tmp_path / "data/train/annotations.json").read_bytes())["annotations"]
    assert box["bbox"] == [10, 10, 50, 35.25]


@pytest.mark.parametrize("write", [EXPORTS["Label Studio: YOLO"].write, EXPORTS["labelImg: YOLO, labels apart"].write])
def test_labels_without_any_image_are_told_with_what_to_do(
    tmp_path: Path, said: Callable[..., tuple[int, str]], write: Callable[[Export], object]
) -> None:
    for path in planted(tmp_path, write).rglob("*.png"):
        path.unlink()
    assert "copy them to a folder images beside labels (an export may leave images out" in said()[1]


def test_an_export_without_its_images_says_that_they_may_have_been_left_out(
    tmp_path: Path, said: Callable[..., tuple[int, str]]
) -> None:
    for path in planted(tmp_path, cvat_yolo).rglob("*.png"):
        path.unlink()
    assert "Add the image (an export may leave images out unless asked for them)" in said()[1]


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_a_size_from_before_the_turn_is_told_with_both_ways_out(
    tmp_path: Path, said: Callable[..., tuple[int, str]], more: list[str]
) -> None:
    out = Export(tmp_path / "source")
    exif = Image.Exif()
    exif[0x0112] = 6
    out.root.mkdir()
    Image.new("RGB", (WIDTH, HEIGHT), "white").save(out.root / "a.jpg", exif=exif)
    out.coco("labels.json", ["a.jpg"])
    status, text = said("--split", "1,0,0", *more)
    assert status == 1
    assert "width and height are swapped; it was made from " in text
    assert "source/a.jpg, which EXIF turns." in text
    assert "swap width and height in the JSON; if they fit it before it is turned" in text


def a_truncated_image(source: Path) -> None:
    path = next(source.rglob("*.jpg"))
    path.write_bytes(path.read_bytes()[:300])


def the_same_image_twice(source: Path) -> None:
    first, *others = sorted(source.rglob("*.jpg"))
    for path in others:
        path.write_bytes(first.read_bytes())


@pytest.mark.parametrize("plant", [a_truncated_image, the_same_image_twice])
def test_a_dry_run_refuses_what_the_real_run_would(
    tmp_path: Path, said: Callable[..., tuple[int, str]], plant: Callable[[Path], None]
) -> None:
    plant(planted(tmp_path, ultralytics))

    def findings(*more: str) -> tuple[int, object]:
        status, _ = said("--split", "official", "--report", str(tmp_path / "report"), *more)
        return status, json.loads((tmp_path / "report/report.json").read_bytes())["findings"]

    tried = findings("--dry-run")
    assert not (tmp_path / "data").exists()
    assert tried == findings()
    assert tried[0] == 1


def test_a_dry_run_looks_at_the_folder_that_would_be_written(
    tmp_path: Path, said: Callable[..., tuple[int, str]]
) -> None:
    planted(tmp_path, ultralytics)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/thesis.txt").write_text("mine")
    status, text = said("--dry-run")
    assert status == 2
    assert "data holds thesis.txt, which does not belong to a data set" in text
    (tmp_path / "data/thesis.txt").unlink()
    (tmp_path / "data").rmdir()
    (tmp_path / "data").write_text("a file")
    assert said("--dry-run")[0] == 2


def test_relative_and_absolute_paths_have_the_same_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = planted(tmp_path, ultralytics)
    (source / "images/train/sheet.pdf").write_bytes(b"%PDF-1.7")
    (source / "labels/train/lost.txt").write_text(ROWS)
    (source / "images/val/val0.jpg").write_text(POINTER)
    monkeypatch.chdir(source)
    answers = []
    for given in (str(source), ".", f"../{source.name}"):
        main(["--source", given, "--output", str(tmp_path / "data"), "--report", str(tmp_path / "report")])
        capsys.readouterr()
        findings = json.loads((tmp_path / "report/report.json").read_bytes())["findings"]
        answers.append(findings)
    assert answers[0] == answers[1] == answers[2]


def test_a_full_disk_is_named_by_the_file_that_did_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_atomically(tmp_path / "report.json", b"{}")
    assert caught.value.filename == str(tmp_path / "report.json")
    assert list(tmp_path.iterdir()) == []


def test_a_failing_drive_is_named_by_the_file_that_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(descriptor: int, size: int) -> bytes:
        raise OSError(5, os.strerror(5))

    (tmp_path / "a").write_bytes(b"content")
    monkeypatch.setattr(os, "read", fails)
    with pytest.raises(OSError, match="error") as caught:
        read_regular(tmp_path / "a", 100)
    assert caught.value.filename == str(tmp_path / "a")
