"""Reads the members of a tar.gz as a stream, within limits. Standard library and dataset_contract only: Judge uses it.

tarfile reads extension headers of any size into memory and knows links, devices and sparse files. None of these is in
a model, so none is read here: an archive that has them is refused.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Protocol, cast

from archive_reader.tar_header import (
    BLOCK,
    EXTENSIONS,
    FILES,
    FOLDER,
    LONG_NAME,
    PAX,
    HeaderError,
    TarHeader,
    read_header,
    read_pax,
)
from dataset_contract.layout import comparable, path_problem
from dataset_contract.sanitise import sanitise, short

_CHUNK = 1 << 20


class ArchiveError(Exception):
    """The archive cannot be used; the message is a clause that tells why, such as "the archive is damaged (...)"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """What is read of an archive at most."""

    bytes: int
    """Of the tar file, headers and padding included, and of the gzip file around it."""
    headers: int
    """Files, folders, and headers that belong to them."""
    depth: int
    """Parts of a path."""
    extension_bytes: int = 16_384
    """Of a header that extends the next one, such as a long name."""


MODEL_LIMITS = ArchiveLimits(bytes=4_000_000_000, headers=10_000, depth=12)
"""The weights are 190 MB, as are those in model.onnx; a model has some 60 files, 4 folders deep."""


class Content(Protocol):
    """The bytes of a member. They can be read once, before the next member is asked for."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, or the rest; b"" at the end. Raises ArchiveError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A regular file or a folder of an archive."""

    name: str
    """Relative, with forward slashes, and fit for every file system: see dataset_contract.layout.path_problem."""
    is_folder: bool
    size: int
    """Bytes; 0 of a folder."""
    content: Content


def read_members(archive: IO[bytes], limits: ArchiveLimits) -> Iterator[Member]:
    """The members of a tar.gz in their order.

    No two have the same name, also where case does not count, and none is below a file. To the end of the iteration all
    of the archive has been read, and gzip's checksum compared. Raises ArchiveError for anything else than files and
    folders, and for what exceeds `limits`. What `archive` raises on its own account comes out as it is.
    """
    tar = _TarStream(archive, limits)
    names = _Names(limits.depth)
    extended: dict[str, str] = {}
    for _ in range(limits.headers):
        header = tar.header()
        if header is None:
            tar.read_rest()
            return
        if header.kind in EXTENSIONS:
            extended |= tar.extension(header)
            continue
        member = _member(tar, header, extended, names)
        extended = {}
        if member is not None:
            yield member
        tar.skip_content()
    raise ArchiveError(f"the archive has more than {limits.headers:,} entries, more than a model has")


def _member(tar: _TarStream, header: TarHeader, extended: Mapping[str, str], names: _Names) -> Member | None:
    """The member of a header; None for the archive's own folder, "./"."""
    name, size = extended.get("path", header.name), header.size
    if "size" in extended:
        if not (extended["size"].isascii() and extended["size"].isdecimal() and len(extended["size"]) < 20):
            raise _damaged(f"the size of {short(name)} is not a number")
        size = int(extended["size"])
    is_folder = header.kind == FOLDER or (header.kind == b"\0" and name.endswith("/"))
    if not is_folder and header.kind not in FILES:
        raise ArchiveError(f"the archive holds {short(name)}, which is neither a file nor a folder")
    if any(key.startswith("GNU.sparse") for key in extended):
        raise ArchiveError(f"the archive holds {short(name)} as a sparse file")
    if is_folder and size:
        raise _damaged(f"the folder {short(name)} has content")
    tar.start_content(size)
    name = name.removeprefix("./")
    if is_folder:
        name = name.removesuffix("/")
        if name in ("", "."):
            return None
    names.add(name, is_folder=is_folder)
    return Member(name=name, is_folder=is_folder, size=size, content=tar)


class _Names:
    """The names of an archive's members, which must fit each other on every file system."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._is_folder: dict[str, bool] = {}

    def add(self, name: str, *, is_folder: bool) -> None:
        """Raises ArchiveError unless a file or folder of this name can be written beside those before it."""
        problem = path_problem(name)
        if problem is None and name.count("/") >= self._depth:
            problem = f"is more than {self._depth} folders deep"
        if problem is not None:
            raise ArchiveError(f"the archive holds {short(name)}, which {problem}")
        parts = comparable(name).split("/")
        for end in range(1, len(parts)):
            if not self._is_folder.setdefault("/".join(parts[:end]), True):
                raise ArchiveError(f"the archive holds {short(name)} below a file")
        path = "/".join(parts)
        if path in self._is_folder and not (is_folder and self._is_folder[path]):
            raise ArchiveError(f"the archive holds {short(name)} twice")
        self._is_folder[path] = is_folder


class _TarStream:
    """The bytes of a tar.gz, read once from start to end. As Content: those of the member whose header came last."""

    def __init__(self, archive: IO[bytes], limits: ArchiveLimits) -> None:
        self._tar = gzip.GzipFile(fileobj=cast(IO[bytes], _Limited(archive, limits)))
        self._limits = limits
        self._left = limits.bytes
        self._content = self._padding = 0
        """Bytes of the member that have not been read."""

    def header(self) -> TarHeader | None:
        """The next header; None at the archive's end."""
        try:
            return read_header(self._exactly(BLOCK))
        except HeaderError as error:
            raise _damaged(error) from None

    def extension(self, header: TarHeader) -> dict[str, str]:
        """What a header of EXTENSIONS says of the next one: "path" and what else a pax header has."""
        if header.size > self._limits.extension_bytes:
            raise ArchiveError(f"the archive has a header of {header.size:,} bytes, longer than any of a model")
        self.start_content(header.size)
        content = self._exactly(header.size)
        self._content = 0
        self.skip_content()
        try:
            if header.kind == PAX:
                return read_pax(content)
            return {"path": content.rstrip(b"\0").decode()} if header.kind == LONG_NAME else {}
        except (HeaderError, UnicodeDecodeError) as error:
            raise _damaged(error) from None

    def start_content(self, size: int) -> None:
        """The next `size` bytes are a member's content."""
        if size > self._left:
            raise _too_much(self._limits)
        self._content, self._padding = size, -size % BLOCK

    def read(self, size: int = -1, /) -> bytes:
        """See Content."""
        wanted = self._content if size < 0 else min(size, self._content)
        data = self._exactly(wanted)
        self._content -= wanted
        return data

    def skip_content(self) -> None:
        """Go to the next header."""
        while self._content:
            self.read(_CHUNK)
        self._exactly(self._padding)
        self._padding = 0

    def read_rest(self) -> None:
        """Read what follows the archive's end, so that gzip's checksum is compared."""
        while self._some(_CHUNK):
            pass

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._some(size)
            if not part:
                raise _damaged("it breaks off")
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _some(self, size: int) -> bytes:
        """At least one byte, at most `size`; none at the end."""
        try:
            data = self._tar.read(size)
        except (zlib.error, EOFError, gzip.BadGzipFile) as error:
            raise _damaged(error) from None
        self._left -= len(data)
        if self._left < 0:
            raise _too_much(self._limits)
        return data


class _Limited:
    """A file of which no more than `most` bytes are read."""

    def __init__(self, file: IO[bytes], limits: ArchiveLimits) -> None:
        self._file, self._limits, self._left = file, limits, limits.bytes

    def read(self, size: int) -> bytes:
        """As of a file. Raises ArchiveError beyond the limit."""
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise _too_much(self._limits)
        return data


def _too_much(limits: ArchiveLimits) -> ArchiveError:
    return ArchiveError(f"the archive holds more than {limits.bytes:,} bytes, more than a model has")


def _damaged(reason: object) -> ArchiveError:
    return ArchiveError(f"the archive is damaged ({sanitise(reason, longest=200)})")
