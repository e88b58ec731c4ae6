"""A file is replaced whole or not at all."""

from pathlib import Path

import pytest

from dataset_contract.atomic_write import atomic_path, write_atomically


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
