"""Where a plan came from is in the data set: the folder of its source, such as CubiCasa5K's high_quality."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_contract.class_names import class_name_problem
from dataset_contract.coco import CocoDataset, Image, coco_to_bytes, parse_coco
from dataset_contract.load import load_split
from dataset_prep.run import main
from dataset_prep.sources.source import Source, SourceImage
from dataset_prep.sources.source_folders import name_folders, source_folder


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("high_quality/17/F1_original.png", "high_quality"),
        ("images/train/apartments/1.png", "apartments"),
        ("train/images/1.png", ""),
        ("train2017/1.png", ""),
        ("Valid_Images/offices/block a/1.png", "offices"),
        ("17/1.png", "17"),
        ("1.png", ""),
        ("trained/1.png", "trained"),
        ("  /a/1.png", "a"),
        ("u\u0308ber/1.png", "\u00fcber"),
        ("a\u202eb/1.png", "a\\u202eb"),
        (f"{100 * 'ü'}/1.png", f"{30 * 'ü'}..."),
    ],
)
def test_the_folder_is_the_first_that_says_something_of_the_plan(path: str, folder: str) -> None:
    assert source_folder(path) == folder


# As the file system gives them: bytes that are not UTF-8 are halves of characters.
names = st.binary(min_size=1, max_size=255).filter(lambda name: b"/" not in name).map(os.fsdecode) | st.text(
    max_size=90
)


@given(st.lists(names, min_size=1, max_size=4))
def test_whatever_a_folder_is_called_the_data_set_stays_valid(parts: list[str]) -> None:
    folder = source_folder("/".join(parts))
    assert not folder or class_name_problem(folder) is None
    dataset, findings = parse_coco(
        coco_to_bytes(CocoDataset([Image(1, "images/000001.png", 1, 1, folder)], [], [])), file="a"
    )
    assert [finding.code for finding in findings] == ["NO_CATEGORIES"]
    assert dataset is not None
    assert dataset.images[0].source_folder == folder


def folders(root: Path, *images: str, named: tuple[str, ...] = ()) -> list[str]:
    """Of images below `root`, whose source is root/source; `named` are further folders."""
    source = Source("yolo", [SourceImage(number, root / path, 1, 1, ()) for number, path in enumerate(images)])
    return [image.folder for image in name_folders(source, root / "source", [root / name for name in named]).images]


def test_further_folders_of_images_are_part_of_the_source(tmp_path: Path) -> None:
    images = "source/plain/1.png", "a/train/1.png", "b/offices/1.png", "elsewhere/x/1.png"
    assert folders(tmp_path, *images, named=("a",)) == ["plain", "", "", ""]
    assert folders(tmp_path, *images, named=("a", "b")) == ["plain", "a", "b", ""]


def test_a_source_may_be_a_link_or_be_named_by_way_of_its_parent(tmp_path: Path) -> None:
    (tmp_path / "real" / "colorful").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    source = Source("coco", [SourceImage(1, tmp_path / "real" / "colorful" / "1.png", 1, 1, ())])
    for root in (tmp_path / "link", tmp_path / "link" / ".." / "real"):
        assert name_folders(source, root).images[0].folder == "colorful"


def written(root: Path) -> dict[int, str]:
    return {
        image.id: image.source_folder for split in ("train", "val", "test") for image in load_split(root, split).images
    }


def test_cubicasas_categories_are_kept_and_a_data_set_prepared_again_keeps_them(samples: Path, tmp_path: Path) -> None:
    nested = Path(shutil.copytree(samples, tmp_path / "download" / "cubicasa5k"))
    categories = [folder.parent.name for folder in nested.glob("*/*/") if (folder / "model.svg").exists()]
    assert len(set(categories)) > 1
    assert main(["--source", str(nested.parent), "--output", str(tmp_path / "a")]) == 0
    first = written(tmp_path / "a")
    assert sorted(first.values()) == sorted(categories)
    assert main(["--source", str(tmp_path / "a"), "--output", str(tmp_path / "b"), "--split", "official"]) == 0
    assert written(tmp_path / "b") == first


def test_yolos_folders_are_kept(make_image: Callable[..., Path], tmp_path: Path) -> None:
    for number, place in enumerate(("offices/1", "offices/2", "flats/1", "2"), start=1):
        make_image(f"yolo/images/{place}.png", colour=60 * number)
        label = tmp_path / "yolo" / "labels" / f"{place}.txt"
        label.parent.mkdir(parents=True, exist_ok=True)
        label.write_text("0 0.5 0.5 0.25 0.25\n")
    (tmp_path / "yolo" / "data.yaml").write_text("names: [wall]\n")
    arguments = ["--source", str(tmp_path / "yolo" / "data.yaml"), "--output", str(tmp_path / "d"), "--classes", "wall"]
    assert main([*arguments, "--split", "0.5,0.25,0.25"]) == 0
    assert sorted(written(tmp_path / "d").values()) == ["", "flats", "offices", "offices"]
    entries = [json.loads(path.read_bytes()) for path in (tmp_path / "d").glob("*/annotations.json")]
    assert {image["file_name"] for entry in entries for image in entry["images"]} == {
        f"images/{number:06d}.png" for number in range(1, 5)
    }, "names of files do not tell it"
