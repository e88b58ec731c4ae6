"""The data set's folder has the same bytes however often and rudely it was made, and is complete only at the end."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dataset_contract.check import check_dataset
from dataset_contract.findings import Severity
from dataset_contract.load import load_split
from dataset_contract.stores import DirectoryStore
from dataset_prep.errors import UsageError
from dataset_prep.output import Output
from dataset_prep.selection import Selection
from dataset_prep.sources.cubicasa5k import read_cubicasa5k
from dataset_prep.sources.cubicasa5k_policy import Policy
from dataset_prep.sources.source import SourceBox, SourceImage
from dataset_prep.split import split_ids
from dataset_prep.write import write_dataset

ROOT = Path(__file__).resolve().parents[2]

# Runs the command line, and kills itself without warning just before the Nth file is put in its place.
KILLED = """
import os, signal, sys
from pathlib import Path
from dataset_prep.run import main
count, rename = int(sys.argv.pop(1)), Path.replace
def replace(self, target):
    global count
    count -= 1
    if count == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(self, target)
Path.replace = replace
main()
"""


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def write(root: Path, selection: Selection, workers: int = 2) -> None:
    output = Output(root)
    with output.opened():
        written = write_dataset(output, selection, source={"format": "x"}, options={}, workers=workers)
    assert written.findings == []


@pytest.fixture
def selection(samples: Path) -> Selection:
    images = read_cubicasa5k(samples, Policy()).images
    return Selection(images, split_ids((image.image_id for image in images), (0.6, 0.2, 0.2), 42), ("wall", "room"))


def test_what_is_written_is_valid_and_complete(tmp_path: Path, selection: Selection) -> None:
    write(tmp_path, selection)
    report = check_dataset(DirectoryStore(tmp_path))
    assert [finding for finding in report.findings if finding.severity is not Severity.INFO] == []
    assert report.counts["images"] == len(selection.images)
    train = load_split(tmp_path, "train")
    assert [category.name for category in train.categories] == ["wall", "room"]
    assert {image.id for image in train.images} == {i for i, split in selection.splits.items() if split == "train"}


def test_fine_images_are_copied_byte_for_byte(tmp_path: Path, selection: Selection) -> None:
    write(tmp_path, selection)
    for image in selection.images:
        copy = tmp_path / selection.splits[image.image_id] / "images" / f"{image.image_id:06d}.png"
        assert copy.read_bytes() == image.path.read_bytes()


def test_annotation_ids_and_bytes_do_not_depend_on_threads_or_order(tmp_path: Path, selection: Selection) -> None:
    write(tmp_path / "a", selection, workers=1)
    turned = Selection(list(reversed(selection.images)), selection.splits, selection.classes)
    write(tmp_path / "b", turned, workers=8)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    ids = [a.id for split in ("train", "val", "test") for a in load_split(tmp_path / "a", split).annotations]
    assert sorted(ids) == list(range(1, len(ids) + 1))


def test_category_ids_follow_the_order_that_was_asked_for(tmp_path: Path, selection: Selection) -> None:
    write(tmp_path, Selection(selection.images, selection.splits, ("room", "wall")))
    content = json.loads((tmp_path / "train/annotations.json").read_bytes())
    assert content["categories"] == [{"id": 1, "name": "room"}, {"id": 2, "name": "wall"}]
    assert all(("attributes" in box) == (box["category_id"] == 1) for box in content["annotations"])


def test_more_classes_than_a_model_has_room_for_are_refused(tmp_path: Path, selection: Selection) -> None:
    many = (*selection.classes, *(f"class {number}" for number in range(999)))
    write(tmp_path, Selection(selection.images, selection.splits, many))
    errors = [item for item in check_dataset(DirectoryStore(tmp_path)).findings if item.severity is Severity.ERROR]
    assert {item.code for item in errors} == {"CATEGORY_ID_TOO_LARGE"}
    assert errors[0].message == "Category 'class 998' in train has the id 1,001; the largest that is accepted is 1,000."


def test_a_second_run_writes_no_image_again(tmp_path: Path, selection: Selection) -> None:
    write(tmp_path, selection)
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*.png")}
    write(tmp_path, selection)
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*.png")} == before


def test_another_selection_leaves_nothing_of_the_one_before(tmp_path: Path, selection: Selection) -> None:
    write(tmp_path / "a", selection)
    fewer = Selection(selection.images[:4], selection.splits, selection.classes)
    write(tmp_path / "a", fewer)
    write(tmp_path / "b", fewer)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


@pytest.mark.parametrize("kill_before", [1, 6, 11, 13])
def test_after_kill_9_a_second_run_gives_the_bytes_of_an_undisturbed_one(
    tmp_path: Path, samples: Path, kill_before: int
) -> None:
    """The 9 images, 3 annotation files and the manifest are 13 files; each run is killed before one of them."""

    def run(output: Path, *start: str) -> int:
        command = [sys.executable, *start, "--source", str(samples), "--output", str(output), "--workers", "2"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode

    disturbed = tmp_path / "disturbed"
    assert run(disturbed, "-c", KILLED, str(kill_before)) == -9
    assert not (disturbed / "manifest.json").exists()
    assert any(path.name.endswith(".tmp") for path in disturbed.rglob("*"))
    assert check_dataset(DirectoryStore(disturbed)).verdict == "invalid"
    from dataset_prep.run import main

    for output in (disturbed, tmp_path / "undisturbed"):
        assert main(["--source", str(samples), "--output", str(output)]) == 0
    assert contents(disturbed) == contents(tmp_path / "undisturbed")


@pytest.mark.parametrize(
    "foreign", ["data.yaml", "train/labels/a.txt", "train/images/plan.png", "val/images/1/000001.png"]
)
def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path: Path, selection: Selection, foreign: str) -> None:
    (tmp_path / foreign).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / foreign).write_text("mine")
    with pytest.raises(UsageError, match="give --output a folder of its own"):
        write(tmp_path, selection)
    assert contents(tmp_path) == {foreign: b"mine"}


@pytest.mark.parametrize("data", [b"", b"no image", b"\xff\xd8\xff\xe0 half a JPEG"])
def test_without_all_images_there_is_no_manifest(
    tmp_path: Path, make_image: Callable[..., Path], data: Sequence[int]
) -> None:
    (tmp_path / "b.png").write_bytes(bytes(data))
    box = SourceBox("wall", (1, 1, 5, 5))
    images = [
        SourceImage(i, p, 40, 30, (box,)) for i, p in enumerate([make_image("a.png"), tmp_path / "b.png"], start=1)
    ]
    selection = Selection(images, {1: "train", 2: "val"}, ("wall",))
    output = Output(tmp_path / "out")
    with output.opened():
        written = write_dataset(output, selection, source={}, options={}, workers=2)
    assert written.manifest is None
    assert [(finding.code, finding.image_id) for finding in written.findings] == [("IMAGE_BROKEN", 2)]
    assert not (tmp_path / "out/manifest.json").exists()
