"""Lists the image files below a folder, and reports whatever there cannot be looked at."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

from dataset_contract.findings import FindingLog
from dataset_prep.plural import pluralise
from dataset_prep.sources.source_files import LEADS_OUT, report_linked_folder, report_refused

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".avif"})
"""Endings, in lower case, of the files that count as images."""
PLAN_SUFFIXES = SUFFIXES | {".pdf"}
"""The same, of the files that a model predicts on."""
UNREAD = {
    ".heic": "HEIC",
    ".heif": "HEIC",
    ".jxl": "JPEG XL",
    ".jp2": "JPEG 2000",
    ".pdf": "PDF",
    ".psd": "Photoshop",
    ".dng": "raw photos",
    ".tga": "Targa",
    **dict.fromkeys((".ppm", ".pgm", ".pbm"), "PPM"),
    ".dwg": "CAD",
    ".dxf": "CAD",
}
"""Endings, in lower case, of files that may show plans but are not read -> what they are."""
CONVERT = "Convert it to PNG or JPEG, upright and in the size that its boxes were drawn in"
"""What to do about such a file: the beginning of a sentence."""


def image_files(
    folder: Path, found: FindingLog, *, exclude: Path | None = None, suffixes: Collection[str] = SUFFIXES
) -> Iterator[str]:
    """The paths of all files with `suffixes` below `folder`, sorted folder by folder, without hidden ones.

    Links are followed to files inside `folder` only. A folder or file that cannot be read, and a link that leads
    elsewhere, is a finding, and so are files that may well be plans but are of a kind that is not read. What is below
    `exclude` is left out.
    """
    root = os.path.realpath(folder)
    skipped = os.path.realpath(exclude) if exclude is not None else None
    unread: defaultdict[str, list[str]] = defaultdict(list)
    for directory, folders, names in os.walk(folder, onerror=lambda error: _refuse_folder(error, folder, found)):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and _is_walked(directory, name, root, found)
        )
        if skipped is not None:
            folders[:] = [name for name in folders if os.path.realpath(_join(directory, name)) != skipped]
        for name in sorted(names):
            suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122  as _join
            if name.startswith("."):
                continue
            if suffix in UNREAD and suffix not in suffixes:
                unread[UNREAD[suffix]].append(os.path.relpath(_join(directory, name), folder))
            elif suffix in suffixes:
                path = _join(directory, name)
                problem = _problem(path, root)
                if problem is None:
                    yield path
                else:
                    report_refused(os.path.relpath(path, folder), problem, found)
    for kind, files in unread.items():
        found.warning(
            "FILES_NOT_READ",
            f"{pluralise(len(files), 'file is', 'files are')} {kind}, which is not read, such as {files[0]}.",
            f"{CONVERT}, if it is a plan of the data set.",
            file=files[0],
        )


def _join(directory: str, name: str) -> str:
    return os.path.join(directory, name)  # noqa: PTH118  Path objects would double the memory of large trees


def _problem(path: str, root: str) -> str | None:
    """Why a file cannot be read as an image (end of a sentence), None if it can."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  as above
            return "is not a regular file"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    if os.path.islink(path) and not _is_inside(path, root):  # noqa: PTH114  as above
        return LEADS_OUT
    return None


def _is_inside(path: str, root: str) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(root)


def _is_walked(directory: str, name: str, root: str, found: FindingLog) -> bool:
    """Whether os.walk goes into a folder: not into links, of which those that lead elsewhere are a finding."""
    path = _join(directory, name)
    if not os.path.islink(path):  # noqa: PTH114  as above
        return True
    if not _is_inside(path, root):
        report_linked_folder(os.path.relpath(path, root), found)
    return False


def _refuse_folder(error: OSError, folder: Path, found: FindingLog) -> None:
    place = os.path.relpath(error.filename or folder, folder)
    found.error(
        "FOLDER_UNREADABLE",
        f"The folder {folder if place == '.' else place} cannot be read ({error.strerror or error}).",
        "Make it readable, or take it out of the source: its images would be missing.",
        file=place,
    )
