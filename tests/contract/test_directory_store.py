"""A data set in a directory is read, and nothing outside that directory."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from dataset_contract.check import MAX_JSON_BYTES, check_dataset
from dataset_contract.stores import DirectoryStore, UnreadableFileError
from tests.contract.samples import SampleDataset


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file outside the data set."""
    path = tmp_path / "secret.txt"
    path.write_text("secret")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty data set folder."""
    path = tmp_path / "data"
    (path / "train").mkdir(parents=True)
    return path


def test_files_are_listed_with_their_sizes_and_read(root: Path) -> None:
    (root / "train" / "a.txt").write_bytes(b"hello")
    store = DirectoryStore(root)
    assert store.list() == {"train/a.txt": 5}
    assert store.read("train/a.txt") == b"hello"
    assert store.read_head("train/a.txt", 2) == b"he"
    assert store.sha256("train/a.txt") == hashlib.sha256(b"hello").hexdigest()


@pytest.mark.parametrize(
    "path", ["../secret.txt", "train/../../secret.txt", "/etc/passwd", "", ".", "a\0b", "train//a"]
)
def test_a_path_out_of_the_root_is_refused(root: Path, secret: Path, path: str) -> None:
    store = DirectoryStore(root)
    for call in (store.read, store.sha256, lambda p: store.read_head(p, 1)):
        with pytest.raises(UnreadableFileError, match="outside"):
            call(path)


def test_links_out_of_the_root_are_refused_in_every_way(root: Path, secret: Path) -> None:
    (root / "file").symlink_to(secret)
    (root / "folder").symlink_to(secret.parent)
    (root / "train" / "hop").symlink_to("../file")
    store = DirectoryStore(root)
    assert store.list() == {}
    assert store.refused() == dict.fromkeys(
        ("file", "folder", "train/hop"), "is a symbolic link that leads out of the data set"
    )
    for path in ("file", "folder/secret.txt", "train/hop"):
        with pytest.raises(UnreadableFileError):
            store.read(path)


def test_a_link_within_the_root_is_a_file(root: Path) -> None:
    (root / "a").write_bytes(b"12")
    (root / "train" / "b").symlink_to("../a")
    store = DirectoryStore(root)
    assert store.list() == {"a": 2, "train/b": 2}
    assert store.read("train/b") == b"12"


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (root / "a").write_bytes(b"12")
    (tmp_path / "link").symlink_to(root)
    assert DirectoryStore(tmp_path / "link").read("a") == b"12"


def test_what_is_no_regular_file_is_refused_and_never_waited_for(root: Path) -> None:
    os.mkfifo(root / "pipe")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nowhere")
    store = DirectoryStore(root)
    assert store.list() == {}
    assert set(store.refused()) == {"pipe", "loop", "dangling"}
    with pytest.raises(UnreadableFileError):
        store.read("pipe")


def test_a_name_that_is_no_unicode_is_a_finding(tmp_path: Path) -> None:
    root = SampleDataset().write(tmp_path)
    try:
        Path(os.fsdecode(os.fsencode(root) + b"/\xff.png")).write_bytes(b"1")
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    report = check_dataset(DirectoryStore(root))
    assert [finding.code for finding in report.findings] == ["FILE_PATH_REFUSED"]
    assert f"{report.findings[0].message} {report.findings[0].file}".encode()


def test_a_linked_image_outside_makes_the_data_set_invalid(tmp_path: Path, secret: Path) -> None:
    root = SampleDataset().write(tmp_path / "data")
    image = root / "train" / "images" / "000001.png"
    image.unlink()
    image.symlink_to(secret)
    report = check_dataset(DirectoryStore(root))
    assert [(finding.code, finding.file) for finding in report.findings] == [
        ("FILE_REFUSED", "train/images/000001.png")
    ]


def test_an_unreadable_file_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = SampleDataset().write(tmp_path)
    opened: Any = Path.open

    def denied(path: Path, *mode: str) -> Any:  # as to who is not root
        if path.parent.name == "val":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *mode)

    monkeypatch.setattr(Path, "open", denied)
    findings = [each for each in check_dataset(DirectoryStore(root)).findings if each.code == "FILE_UNREADABLE"]
    assert [each.message for each in findings if each.file == "val/annotations.json"] == [
        "val/annotations.json cannot be read (Permission denied)."
    ]


def test_a_file_that_is_too_large_is_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = SampleDataset().write(tmp_path)
    opened: Any = Path.open
    with (root / "val" / "annotations.json").open("r+b") as file:
        file.truncate(MAX_JSON_BYTES)  # with the manifest, too much

    def noted(path: Path, *mode: str) -> Any:
        assert path.stat().st_size < MAX_JSON_BYTES
        return opened(path, *mode)

    monkeypatch.setattr(Path, "open", noted)
    (finding,) = (each for each in check_dataset(DirectoryStore(root)).findings if each.code == "JSON_TOO_LARGE")
    assert (finding.file, finding.severity) == ("val/annotations.json", "error")
    assert "more than the 180,000,000" in finding.message


@pytest.mark.parametrize("call", ["scandir", "open"])
def test_a_lack_of_memory_is_not_a_files_fault(root: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    (root / "train" / "a.txt").write_bytes(b"hello")
    store = DirectoryStore(root)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(*{"scandir": (os, "scandir"), "open": (Path, "open")}[call], refuse)
    with pytest.raises(MemoryError, match="Cannot allocate memory"):
        store.list() if call == "scandir" else store.read("train/a.txt")
