"""A folder that one command at a time writes to."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderInUseError(Exception):
    """Another process writes to the folder."""


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Nobody else has the folder while the block runs; the lock dies with its process, and leaves no file.

    Raises FolderInUseError, or OSError if the folder cannot be opened.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUseError from None
        except OSError:  # a network's file system without locks
            pass
        yield
    finally:
        os.close(descriptor)
