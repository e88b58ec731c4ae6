"""What is read of each file of a data set: its SHA-256 and, of an image, its header. In threads, each file once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from dataset_contract.png import HEAD_LENGTH, MAX_IMAGE_BYTES, PngError, PngHeader, check_png_chunks, read_png_header
from dataset_contract.stores import DatasetStore, UnreadableFileError


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What was read of one file."""

    sha256: str | None = None
    """Hex; None if the store has none."""
    png_header: PngHeader | None = None
    """None if the file is not a sound PNG."""
    png_problem: tuple[str, str] | None = None
    """(code of the finding, end of a sentence that starts with the path)."""
    unreadable: str | None = None
    """Why the file could not be read (end of a sentence)."""

    def to_json(self) -> dict[str, Any]:
        """The facts as a JSON-ready dict without what is None, for another process."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> FileFacts:
        """The facts that to_json() wrote, in this version of the project."""
        header, problem = value.get("png_header"), value.get("png_problem")
        return cls(
            sha256=value.get("sha256"),
            png_header=PngHeader(**header) if header is not None else None,
            png_problem=(problem[0], problem[1]) if problem is not None else None,
            unreadable=value.get("unreadable"),
        )


def read_image_facts(store: DatasetStore, sizes: Mapping[str, int]) -> dict[str, FileFacts]:
    """path -> facts of the images of `store`, given as path -> bytes.

    Where the store can afford it, each file is read whole and its PNG checksums are verified; else its first bytes,
    and the hash that the store keeps.
    """
    with ThreadPoolExecutor(store.workers) as pool:
        return dict(zip(sizes, pool.map(lambda item: _read(store, *item), sizes.items()), strict=True))


def facts_of(data: bytes) -> FileFacts:
    """The facts of an image's whole content: what read_image_facts would read of it."""
    if not data:
        return FileFacts(hashlib.sha256(b"").hexdigest(), png_problem=("IMAGE_EMPTY", "is empty"))
    return _judge(hashlib.sha256(data).hexdigest(), data, whole=True)


def _read(store: DatasetStore, path: str, size: int) -> FileFacts:
    if size == 0:
        return facts_of(b"")
    if size > MAX_IMAGE_BYTES:
        problem = f"has {size:,} bytes, more than the {MAX_IMAGE_BYTES:,} that are read"
        return FileFacts(png_problem=("IMAGE_TOO_LARGE", problem))
    try:
        if store.whole_files:
            return facts_of(store.read(path))
        return _judge(store.sha256(path), store.read_head(path, HEAD_LENGTH), whole=False)
    except UnreadableFileError as error:
        return FileFacts(unreadable=f"cannot be read ({error})")


def _judge(sha256: str | None, data: bytes, *, whole: bool) -> FileFacts:
    header = None
    try:
        header = read_png_header(data)
        if whole:
            check_png_chunks(data)
    except PngError as error:
        return FileFacts(sha256, header, (error.code, str(error)))
    return FileFacts(sha256, header)
