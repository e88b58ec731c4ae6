"""The paths that a person gives: the source is there, and neither data set nor report is written into it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dataset_prep.errors import UsageError


def check_paths(source: Path, others: Sequence[Path], *, output: Path, report: Path | None) -> None:
    """Raise UsageError if the paths do not go together.

    Args:
        source: what --source names.
        others: further files and folders that are read.
        output: the data set's folder.
        report: the report's folder, None without one.
    """
    if not source.exists():
        raise UsageError(f"{source} does not exist: give the folder that holds your plans with --source.")
    if source.is_dir() and not any(source.iterdir()):
        raise UsageError(f"{source} is empty: give the folder that holds your plans with --source.")
    # A source that is a file may be beside anything, such as build/dataset, whose images are not taken for its own.
    folder = source.resolve() if source.is_dir() else None
    target = output.resolve()
    for given in (source, *others):
        if target in given.resolve().parents:
            raise UsageError(f"{given} is in {output}, which is to be written: give another --output.")
    if folder is not None and _is_in(target, folder):
        raise UsageError(f"{output} is in the source: give a folder outside of {folder} with --output.")
    if report is None:
        return
    if report.exists() and not report.is_dir():
        raise UsageError(f"{report} is a file: give a folder for --report.")
    if _is_in(report.resolve(), target):
        raise UsageError(f"{report} is in the data set: give --report a folder outside of {output}.")
    if folder is not None and _is_in(report.resolve(), folder):  # its samples.png is not a plan
        raise UsageError(f"{report} is in the source: give --report a folder outside of {folder}.")


def _is_in(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents
