"""Reads a file from outside within bounds: a regular file only, of limited size, without waiting for a pipe."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_regular(path: str | Path, longest: int, *, follow: bool = True) -> bytes:
    """The bytes of a regular file of at most `longest`.

    Raises OSError, whose strerror ends the sentence "<file> cannot be read (...)", for anything else: a pipe or a
    device (EINVAL), a larger file (EFBIG), and without `follow` a symbolic link (ELOOP).
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        size = status.st_size
        if size > longest:
            problem = f"it has {size:,} bytes, more than the {longest:,} that are read"
            raise OSError(errno.EFBIG, problem, str(path))
        data = os.read(descriptor, size)
        while len(data) < size and (more := os.read(descriptor, size - len(data))):
            data += more
    except OSError as error:
        error.filename = str(path)  # reading knows the descriptor only
        raise
    finally:
        os.close(descriptor)
    return data
