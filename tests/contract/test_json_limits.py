"""A data set's JSON files are together no larger than Validate's memory can hold, and as large as COCO's."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_contract import check
from dataset_contract.check import MAX_JSON_BYTES, MAX_JSON_SIZE, check_content
from dataset_contract.coco import Annotation, Category, CocoDataset, Image, coco_to_bytes
from dataset_contract.layout import MANIFEST, SPLITS, annotations_path, image_file_name
from dataset_contract.manifest import build_manifest, manifest_to_bytes
from dataset_contract.stores import DirectoryStore
from dataset_contract.strict_json import json_size

IMAGES, BOXES = 118_287, 860_001  # of COCO train2017
MANIFEST_ENTRY = len(
    f'  {{\n   "path": "train/images/118287.png",\n   "size": 200000,\n   "sha256": "{"a" * 64}"\n  }},\n'
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data set whose files have to be read whatever is in them."""
    empty = {split: CocoDataset([], [], [Category(1, "wall")]) for split in SPLITS}
    for split, dataset in empty.items():
        (tmp_path / split).mkdir()
        (tmp_path / annotations_path(split)).write_bytes(coco_to_bytes(dataset))
    manifest = build_manifest(tool="test", source={}, options={}, datasets=empty, files=[])
    (tmp_path / MANIFEST).write_bytes(manifest_to_bytes(manifest))
    return tmp_path


def refusals(root: Path) -> list[tuple[str | None, str]]:
    content = check_content(DirectoryStore(root))
    return [(found.file, found.message) for found in content.findings if found.code == "JSON_TOO_LARGE"]


def test_the_size_of_cocos_training_split_is_accepted() -> None:
    images = [Image(IMAGES, image_file_name(IMAGES), 640, 480)]
    box = Annotation(BOXES, IMAGES, 90, (199.999, 199.999, 199.999, 199.999), 39999.6, 0, {"room_type": "LivingRoom"})
    whole = coco_to_bytes(CocoDataset(images, [box], [Category(90, "wall")]))
    without = coco_to_bytes(CocoDataset(images, [], [Category(90, "wall")]))
    entries = coco_to_bytes(CocoDataset([], [], [Category(90, "wall")]))
    a_box, an_image = len(whole) - len(without), len(without) - len(entries)
    assert BOXES * a_box + IMAGES * (an_image + MANIFEST_ENTRY) < MAX_JSON_BYTES
    a_box, an_image = json_size(whole) - json_size(without) + 1, json_size(without) - json_size(entries) + 1
    assert BOXES * a_box + IMAGES * (an_image + 6) < MAX_JSON_SIZE


@pytest.mark.parametrize("limit", ["MAX_JSON_BYTES", "MAX_JSON_SIZE"])
def test_all_files_together_are_limited(root: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    files = [root / MANIFEST, *(root / annotations_path(split) for split in SPLITS)]
    sizes = [len(path.read_bytes()) if limit == "MAX_JSON_BYTES" else json_size(path.read_bytes()) for path in files]
    monkeypatch.setattr(check, limit, sum(sizes))
    assert refusals(root) == []
    monkeypatch.setattr(check, limit, sum(sizes) - 1)
    [(file, message)] = refusals(root)
    assert file == annotations_path("test")
    assert "that a data set may have" in message


@pytest.mark.parametrize(
    "bomb",
    [b'{"a":1},', b"[],", b"{},", b'"ab",', b"1.5,", b"[[[]]],", b'{"a":{}},'],
    ids=["objects", "lists", "empty objects", "texts", "numbers", "nested lists", "nested objects"],
)
def test_what_grows_in_memory_is_refused_unparsed(root: Path, bomb: bytes) -> None:
    """At most 60 bytes of memory for each unit: so many units are refused in a file far below the limit of bytes."""
    data = b"[" + bomb * (MAX_JSON_SIZE // json_size(bomb)) + b"0]"
    assert len(data) < MAX_JSON_BYTES
    (root / annotations_path("val")).write_bytes(data)
    [(file, _)] = refusals(root)
    assert file == annotations_path("val")


def test_a_wide_character_counts_for_all_others(root: Path) -> None:
    plain = b'["' + b"x" * 6_000 + b'"]'
    assert json_size(plain) == 1
    assert json_size(plain.replace(b"x", "\u00fc".encode(), 1)) == pytest.approx(100, abs=2)
    assert json_size(plain.replace(b"x", "\U0001f600".encode(), 1)) == pytest.approx(300, abs=2)
