"""What a file is, by its first bytes, and what to do where an image was expected: for the sentences that say so."""

from __future__ import annotations

from typing import NamedTuple

HEAD_LENGTH = 512
"""Bytes that are enough to tell."""
LFS_POINTER = b"version https://git-lfs"
"""What a file begins with that Git LFS left in place of the file itself."""
FETCH_FROM_LFS = "Get the files themselves with `git lfs pull` in the clone."
_AS_PNG = "Convert it to PNG or JPEG, upright and in the size that its boxes were drawn in."


class FileKind(NamedTuple):
    """What a file is."""

    name: str
    """With its article: a JPEG file."""
    fix: str | None = None
    """One sentence for who expected an image; None where that is no help."""


_BY_MAGIC = {
    b"\xff\xd8\xff": FileKind("a JPEG file"),
    b"GIF8": FileKind("a GIF file"),
    b"BM": FileKind("a BMP file"),
    b"RIFF": FileKind("a WebP file"),
    b"II*\0": FileKind("a TIFF file"),
    b"MM\0*": FileKind("a TIFF file"),
    b"%PDF": FileKind("a PDF file", "Save the page that the boxes were drawn on as a PNG, in the same size."),
    b"8BPS": FileKind("a Photoshop file", _AS_PNG),
    b"\xff\x0a": FileKind("a JPEG XL file", _AS_PNG),
    b"\0\0\0\x0cJXL ": FileKind("a JPEG XL file", _AS_PNG),
    b"\0\0\0\x0cjP  ": FileKind("a JPEG 2000 file", _AS_PNG),
    b"<svg": FileKind("an SVG file", _AS_PNG),
    b"<?xml": FileKind("an XML file"),
    b"<!DOC": FileKind("a web page", "Download it again: a server answered with a page instead of the file."),
    b"<html": FileKind("a web page", "Download it again: a server answered with a page instead of the file."),
    LFS_POINTER: FileKind("a Git LFS pointer, not the file itself", FETCH_FROM_LFS),
}
_BY_BRAND = dict.fromkeys((b"avif", b"avis"), FileKind("an AVIF file"))
_BY_BRAND |= dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), FileKind("a HEIC file", _AS_PNG))


def file_kind(head: bytes) -> FileKind | None:
    """What the file is that starts with `head`, HEAD_LENGTH bytes or more; None if nobody knows."""
    if head[4:8] == b"ftyp":  # ISO 14496-12: size, "ftyp", major brand, version, compatible brands
        brands = head[8:12], *(head[at : at + 4] for at in range(16, min(int.from_bytes(head[:4]), len(head)), 4))
        return next((_BY_BRAND[brand] for brand in brands if brand in _BY_BRAND), None)
    return next((kind for magic, kind in _BY_MAGIC.items() if head.startswith(magic)), None)
