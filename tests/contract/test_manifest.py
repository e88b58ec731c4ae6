"""What a manifest states, and that a wrong one is never relied upon."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_contract.coco import Annotation, Category, CocoDataset, Image
from dataset_contract.manifest import (
    FileEntry,
    Manifest,
    SplitCounts,
    build_manifest,
    manifest_to_bytes,
    parse_manifest,
)

SHA = "0123456789abcdef" * 4


def sample(**changes: Any) -> Manifest:
    dataset = CocoDataset(
        [Image(1, "images/000001.png", 10, 10)],
        [Annotation(1, 1, 2, (0, 0, 5, 5), 25)],
        [Category(2, "room"), Category(1, "wall")],
    )
    arguments: dict[str, Any] = {
        "tool": "floorplan-dino 0.1.0",
        "source": {"format": "coco", "files": ["a.json"]},
        "options": {"split": [0.7, 0.2, 0.1], "seed": 42},
        "datasets": {"train": dataset, "val": CocoDataset([], [], dataset.categories)},
        "files": [FileEntry("val/annotations.json", 3, SHA), FileEntry("train/images/000001.png", 2, SHA)],
    }
    return build_manifest(**arguments | changes)


def test_a_manifest_is_read_as_it_was_written() -> None:
    manifest = sample()
    data = manifest_to_bytes(manifest)
    assert data.endswith(b"}\n")
    assert parse_manifest(data) == (manifest, [])


def test_it_counts_and_sorts() -> None:
    manifest = sample()
    assert manifest.classes == ("wall", "room")
    assert manifest.splits["train"] == SplitCounts(1, 1, {"wall": 0, "room": 1})
    assert [entry.path for entry in manifest.files] == ["train/images/000001.png", "val/annotations.json"]
    counts = json.loads(manifest_to_bytes(manifest))["counts"]
    assert (counts["images"], counts["annotations"], counts["splits"]["val"]["images"]) == (1, 1, 0)


def test_the_version_names_the_content() -> None:
    first = sample()
    assert first.version == sample().version
    assert len(first.version) == 64
    others = [
        sample(files=[FileEntry("val/annotations.json", 3, SHA[::-1])]),
        sample(options={"seed": 43}),
        sample(source={}),
        sample(tool="floorplan-dino 0.2.0"),
    ]
    assert len({first.version, *(other.version for other in others)}) == 5


def test_the_order_in_which_things_come_does_not_matter() -> None:
    files = [FileEntry(f"train/images/{i:06d}.png", i, SHA) for i in range(5)]
    datasets = {split: CocoDataset([], [], [Category(1, "wall")]) for split in ("train", "val", "test")}
    first = sample(files=files, options={"a": 1, "b": 2}, datasets=datasets)
    second = sample(files=reversed(files), options={"b": 2, "a": 1}, datasets=dict(reversed(datasets.items())))
    assert first.version == second.version
    assert manifest_to_bytes(first) == manifest_to_bytes(second)


def test_the_order_of_keys_in_the_file_does_not_matter() -> None:
    value = json.loads(manifest_to_bytes(sample()))
    assert parse_manifest(json.dumps(value, sort_keys=True).encode()) == (sample(), [])


def _files(change: Callable[[list[Any]], object]) -> Callable[[dict[str, Any]], object]:
    return lambda value: change(value["files"])


WRONG: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another format": (lambda m: m.update(format="floorplan-dino-dataset/2"), "MANIFEST_FORMAT"),
    "no format": (lambda m: m.pop("format"), "MANIFEST_FORMAT"),
    "no files": (lambda m: m.pop("files"), "MANIFEST_INVALID"),
    "no version": (lambda m: m.update(version="latest"), "MANIFEST_INVALID"),
    "classes no list": (lambda m: m.update(classes="wall"), "MANIFEST_INVALID"),
    "counts wrong type": (lambda m: m["counts"]["splits"]["train"].update(images="1"), "MANIFEST_INVALID"),
    "counts true": (lambda m: m["counts"]["splits"]["train"].update(images=True), "MANIFEST_INVALID"),
    "source deep": (lambda m: m.update(source={"a": json.loads("[" * 300 + "]" * 300)}), "MANIFEST_INVALID"),
    "option infinite": (lambda m: m["options"].update(split=["INFINITE"]), "MANIFEST_INVALID"),
    "option huge": (lambda m: m["options"].update(split=[10**400, 0, 0]), "MANIFEST_INVALID"),
    "count huge": (lambda m: m["counts"]["splits"]["train"].update(images=10**400), "MANIFEST_INVALID"),
    "count negative": (lambda m: m["counts"]["splits"]["train"].update(images=-1), "MANIFEST_INVALID"),
    "file no object": (_files(lambda f: f.append("a.png")), "MANIFEST_INVALID"),
    "file without size": (_files(lambda f: f[0].pop("size")), "MANIFEST_INVALID"),
    "file size negative": (_files(lambda f: f[0].update(size=-1)), "MANIFEST_INVALID"),
    "file size float": (_files(lambda f: f[0].update(size=2.0)), "MANIFEST_INVALID"),
    "file hash short": (_files(lambda f: f[0].update(sha256="abc")), "MANIFEST_INVALID"),
    "file hash upper case": (_files(lambda f: f[0].update(sha256=SHA.upper())), "MANIFEST_INVALID"),
    "path climbs": (_files(lambda f: f[0].update(path="train/../../etc/passwd")), "MANIFEST_PATH_REFUSED"),
    "path absolute": (_files(lambda f: f[0].update(path="/etc/passwd")), "MANIFEST_PATH_REFUSED"),
    "path drive": (_files(lambda f: f[0].update(path="C:\\a.png")), "MANIFEST_PATH_REFUSED"),
    "path backslash": (_files(lambda f: f[0].update(path="train\\images\\1.png")), "MANIFEST_PATH_REFUSED"),
    "path URL": (_files(lambda f: f[0].update(path="s3://other/a.png")), "MANIFEST_PATH_REFUSED"),
    "path NUL": (_files(lambda f: f[0].update(path="a\0.png")), "MANIFEST_PATH_REFUSED"),
    "path empty": (_files(lambda f: f[0].update(path="")), "MANIFEST_PATH_REFUSED"),
    "path twice": (_files(lambda f: f.append(dict(f[0]))), "MANIFEST_PATH_TWICE"),
    "path twice but for case": (
        _files(lambda f: f.append(f[0] | {"path": f[0]["path"].upper()})),
        "MANIFEST_PATH_TWICE",
    ),
    "hash edited": (_files(lambda f: f[0].update(sha256=SHA[::-1])), "MANIFEST_VERSION_WRONG"),
    "version edited": (lambda m: m.update(version=SHA), "MANIFEST_VERSION_WRONG"),
    "total edited": (lambda m: m["counts"].update(images=7), "MANIFEST_VERSION_WRONG"),
    "field added": (lambda m: m.update(note="mine"), "MANIFEST_VERSION_WRONG"),
    "option edited": (lambda m: m["options"].update(seed=1), "MANIFEST_VERSION_WRONG"),
}


@pytest.mark.parametrize("defect", WRONG)
def test_a_wrong_manifest_is_an_error(defect: str) -> None:
    change, code = WRONG[defect]
    value = json.loads(manifest_to_bytes(sample()))
    change(value)
    manifest, findings = parse_manifest(json.dumps(value).replace('"INFINITE"', "1e400").encode())
    assert code in {finding.code for finding in findings}
    assert {finding.severity.value for finding in findings} == {"error"}
    if code != "MANIFEST_VERSION_WRONG":
        assert manifest is None


@pytest.mark.parametrize(
    "data", [b"", b"{", b"null", b"[]", b'"x"', b"\xff", b'{"format": "floorplan-dino-dataset/1"}']
)
def test_what_is_no_manifest_is_an_error(data: bytes) -> None:
    manifest, findings = parse_manifest(data)
    assert manifest is None
    assert findings


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**60) | st.floats() | st.text(max_size=4) | st.just("../a"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_no_value_in_any_place_causes_an_exception(data: st.DataObject) -> None:
    value = json.loads(manifest_to_bytes(sample()))
    place: Any = value
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not (isinstance(place[key], dict | list) and place[key]) or data.draw(st.booleans()):
            break
        place = place[key]
    old = place[key]
    place[key] = data.draw(anything)
    manifest, findings = parse_manifest(json.dumps(value).encode())
    assert findings or (manifest == sample() and place[key] == old)


@given(st.binary(max_size=100), st.integers(0, 2000))
def test_no_bytes_cause_an_exception(new: bytes, place: int) -> None:
    data = manifest_to_bytes(sample())
    parse_manifest(new)
    parse_manifest(data[:place] + new + data[place + len(new) :])
