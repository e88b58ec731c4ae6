"""Checkpoint files: written whole or not at all, checked by their hash, loaded without unpickling code."""

import hashlib
import os
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from dataset_contract.atomic_write import remove_leftovers
from dataset_contract.out_of_memory import is_out_of_memory
from training_code.job.checkpoint_layout import CHECKPOINT_NAME
from training_code.job.disk import disk_failures

KEPT = 2
"""Newest checkpoints that are kept: the last one, and the one to go on from if the upload of the last is cut off.

SageMaker deletes in S3 what is deleted here (docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html), for which
the job's role needs s3:DeleteObject. So nothing else in the folder is ever deleted but what is of no use.
"""

_WRITING = ".writing-"


def save_checkpoint(folder: Path, step: int, state: Mapping[str, Any]) -> Path:
    """Write `state` (tensors, numbers, strings, lists and dicts of them) as the checkpoint after `step` updates.

    Its name holds the start of its SHA-256, so that a damaged file is recognised.

    Raises:
        DiskError: it could not be written; the earlier ones are still there.
    """
    with disk_failures(folder):
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"{_WRITING}{step:08d}"
        try:
            with temporary.open("wb") as file:
                torch.save(dict(state), file)
                file.flush()
                os.fsync(file.fileno())
            path = folder / f"checkpoint-{step:08d}-{_hash(temporary)}.pt"
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        for old in _newest_first(folder)[KEPT:]:
            old.unlink()
        return path


def load_newest_checkpoint(folder: Path, log_line: Callable[[str], None]) -> dict[str, Any] | None:
    """The newest sound checkpoint's state, on the CPU; None without one. `log_line` tells of each damaged one.

    SageMaker may have restored parts of files that were being written: they are removed. A damaged checkpoint, too: it
    would count as newer than those that are yet to come, which would be removed in its place.
    """
    with disk_failures(folder):  # each process of this machine does this at the same time
        remove_leftovers(folder)
        for leftover in folder.glob(f"{_WRITING}*"):
            leftover.unlink(missing_ok=True)
    for path in _newest_first(folder):
        try:
            if CHECKPOINT_NAME.fullmatch(path.name)["hash"] != _hash(path):  # type: ignore[index]  # it was chosen by its name
                path.unlink(missing_ok=True)
                raise ValueError("its content does not match the hash in its name")
            state = torch.load(path, map_location="cpu", weights_only=True)
            if not isinstance(state, dict):
                raise ValueError("it holds no dictionary")
        except (OSError, ValueError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            if is_out_of_memory(error):
                raise  # going back would lose what a machine with more memory can read
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            log_line(f"The checkpoint {path.name} is damaged ({reason}): going back to the one before it.")
            continue
        return state
    return None


def _newest_first(folder: Path) -> list[Path]:
    """By step; of two with the same step the one written last."""
    found = [(match["step"], path) for path in folder.glob("*.pt") if (match := CHECKPOINT_NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found, key=lambda item: (item[0], _written(item[1])), reverse=True)]


def _written(path: Path) -> int:
    """When, in nanoseconds; 0 if another process has removed it meanwhile."""
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
