"""A file is replaced whole or not at all."""

import os
import secrets
from pathlib import Path

import pytest

from dataset_contract.atomic_write import atomic_path, check_folder, remove_leftovers, write_atomically


def test_text_and_bytes_replace_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for data, expected in ((b"1", b"1"), ("ü", "ü".encode())):
        write_atomically(path, data)
        assert path.read_bytes() == expected
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    path, hidden = tmp_path / "folder" / "a.json", tmp_path / ".a.json.tmp"
    path.parent.mkdir()
    hidden.write_text("somebody's")
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        left = temporary.with_name(temporary.name.replace("a.json", "b.json"))
        left.write_text("half")
    remove_leftovers(tmp_path)
    assert {each for each in tmp_path.rglob("*") if each.is_file()} == {path, hidden}


def test_a_link_that_was_planted_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other, path = tmp_path / "other", tmp_path / "a.json"
    other.write_text("somebody's")
    (tmp_path / f".a.json.{os.getpid()}.tmp").symlink_to(other)
    write_atomically(path, "new")
    assert (other.read_text(), path.read_text(), path.is_symlink()) == ("somebody's", "new", False)
    monkeypatch.setattr(secrets, "token_hex", lambda _: "guessed")
    (tmp_path / ".a.json.guessed.tmp").symlink_to(other)
    with pytest.raises(FileExistsError):
        write_atomically(path, "newer")
    assert (other.read_text(), path.read_text()) == ("somebody's", "new")


def test_a_file_has_the_permissions_that_any_new_file_has(tmp_path: Path) -> None:
    (tmp_path / "any").write_text("")
    write_atomically(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_whether_a_folder_can_be_written_to_is_known_without_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_folder(tmp_path)
    check_folder(tmp_path / "not" / "yet")
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("file", "file/below", "dangling", "dangling/below"):
        with pytest.raises(NotADirectoryError):
            check_folder(tmp_path / name)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError) as refusal:
        check_folder(tmp_path / "not" / "yet")
    assert refusal.value.filename == str(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "dangling"}
