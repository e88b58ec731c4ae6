"""Unpacks a tar.gz: regular files and folders below a new folder, and nothing else, whatever the archive says."""

from __future__ import annotations

import shutil
from pathlib import Path

from archive_reader.tar_members import ArchiveLimits, read_members


def unpack(archive: Path, folder: Path, limits: ArchiveLimits) -> None:
    """Write the archive's files and folders into `folder`, which this makes.

    Owners, permissions and times are not taken over. Raises ArchiveError (see read_members), after which `folder` may
    be there in part, or OSError.
    """
    folder.mkdir()
    with archive.open("rb") as file:
        for member in read_members(file, limits):
            path = folder / member.name
            if member.is_folder:
                path.mkdir(parents=True, exist_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as target:
                shutil.copyfileobj(member.content, target)
