"""Takes the files that serving needs out of a model.tar.gz, which it reads as a stream."""

import shutil
from pathlib import Path
from typing import IO, cast

from archive_reader.tar_members import MODEL_LIMITS, ArchiveError, Content, read_members
from prediction.backends.onnx_file import ONNX_NAME

_MOST_BYTES = {"config.json": 10_000_000, ONNX_NAME: 1_500_000_000}
"""Of each file that is kept: what the function has room for."""


class ModelArchiveError(Exception):
    """The archive cannot be served; the message is a clause that tells why."""


def unpack_served_files(archive: Content, folder: Path) -> None:
    """Write config.json and model.onnx to `folder`. Raises ModelArchiveError, and what reading `archive` raises.

    The archive is read to its end, so that its checksum is compared; its other files go nowhere.
    """
    found = set()
    try:
        for member in read_members(cast("IO[bytes]", archive), MODEL_LIMITS):
            if member.is_folder or member.name not in _MOST_BYTES:
                continue
            if member.size > _MOST_BYTES[member.name]:
                most = _MOST_BYTES[member.name]
                raise ModelArchiveError(f"{member.name} has {member.size:,} bytes, more than {most:,}")
            with (folder / member.name).open("xb") as target:
                shutil.copyfileobj(member.content, target, 1 << 20)
            found.add(member.name)
    except ArchiveError as error:
        raise ModelArchiveError(str(error)) from None
    for name in _MOST_BYTES:
        if name not in found:
            advice = ": it was trained before models were exported" if name == ONNX_NAME else ""
            raise ModelArchiveError(f"the archive has no {name}{advice}")
