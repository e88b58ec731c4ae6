"""Turns a write that fails, whatever its words, into a DiskError that says where and what to do."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from training_code.job.failures import DiskError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_STREAM_WRITER = "inline_container"
"""Where PyTorch's writer fails; after a short write it does not tell the system's own error."""


@contextmanager
def disk_failures(folder: Path) -> Iterator[None]:
    """Within it, only files below `folder` are written."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        number = _error_number(error)
        if number is None or number == errno.ENOMEM:
            raise
        raise disk_error(folder, number) from error


@contextmanager
def any_disk_failure(base: Path) -> Iterator[None]:
    """Within it, files are read, too: only what can be nothing but a failed write is one."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL | {errno.EROFS}:
            raise
        raise disk_error(Path(str(error.filename or base)), error.errno) from error


def disk_error(place: Path, number: int) -> DiskError:
    """For a write below `place` that the system refused with this error."""
    remedy = (
        "start again on an instance type with a larger disk, or make room there"
        if number in _FULL
        else "let the job write there, and start it again"
    )
    return DiskError(f"{place} cannot be written to ({os.strerror(number)}): {remedy}; earlier checkpoints stay.")


def _error_number(error: BaseException) -> int | None:
    """The system's error number, where a failed write is what `error` tells."""
    if isinstance(error, OSError):
        return error.errno or errno.EIO  # shutil.Error has none
    text = str(error)
    if isinstance(error, SafetensorError):
        return next((number for number in errno.errorcode if f"(os error {number})" in text), None)
    if _STREAM_WRITER not in text:
        return None
    return next((number for number in errno.errorcode if os.strerror(number) in text), errno.ENOSPC)
