"""Files that appear whole or not at all, however their writing ends."""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TEMPORARY = re.compile(r"\.(.+)\.[0-9a-f]{16}\.tmp", re.DOTALL)
"""The names of the files that atomic_path() writes to."""
LONGEST_STEM = 255 - 40
"""Bytes of a name that can be written with an ending of 18 more: file systems take 255, atomic_path() adds 22."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to: renamed to `path` when the block ends, removed if it raises.

    It is a new, empty file whose name nobody can guess, so that no link that was put there leads elsewhere. An OSError
    in the block, of a full disk say, has `path` as its filename.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            yield temporary
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        if error.filename in (None, str(temporary), temporary):
            error.filename = str(path)
        raise


def write_atomically(path: Path, data: bytes | str) -> None:
    """Write `data` (text as UTF-8) to `path`, whose folder exists."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data if isinstance(data, bytes) else data.encode())


def remove_leftovers(folder: Path) -> None:
    """Remove below `folder` what a process that was killed while it wrote has left there. Raises OSError."""
    for path in folder.rglob(".*.tmp"):
        if written_file(path.name) is not None:
            path.unlink(missing_ok=True)


def written_file(temporary: str) -> str | None:
    """The name of the file that atomic_path() writes under the name `temporary`; None if it writes none."""
    match = _TEMPORARY.fullmatch(temporary)
    return match[1] if match else None


def check_folder(folder: Path) -> None:
    """Raise OSError if files cannot be written into `folder`, or it cannot be made. Writes nothing."""
    existing = next(each for each in (folder, *folder.absolute().parents) if os.path.lexists(each))
    number = errno.EACCES if existing.is_dir() else errno.ENOTDIR
    if number == errno.ENOTDIR or not os.access(existing, os.W_OK | os.X_OK):
        raise OSError(number, os.strerror(number), str(existing))
