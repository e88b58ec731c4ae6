"""The size of an image file by its header, without decoding it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from dataset_contract.bounded_read import read_regular
from dataset_contract.png import MAX_IMAGE_BYTES, MAX_PIXELS, PngError, png_chunks, read_png_header

_HEAD_LENGTH = 4096  # bytes; in most PNGs the pixels start before
_HARMLESS = {b"pHYs": 9, b"gAMA": 4, b"sRGB": 1, b"cHRM": 32, b"tIME": 7}  # PNG chunks and their bytes


class ImageError(ValueError):
    """The file is not a usable image; the message ends the sentence "<file> ..."."""

    def __init__(self, problem: str, fix: str | None = None) -> None:
        """`fix` is a sentence that says what to do, where more is known than that the file is no good."""
        super().__init__(problem)
        self.fix = fix


@dataclass(frozen=True)
class ImageHeader:
    """What the header of an image file says."""

    width: int
    """Pixels, once the image is upright."""
    height: int
    format: str
    """Pillow's name of it, such as PNG."""
    turned: bool = False
    """EXIF asks for the image to be rotated or mirrored."""


def read_header(source: Path | bytes, *, one_page: bool = True) -> ImageHeader:
    """The header of an image file, given by its path or its bytes; of the first page without `one_page`.

    Raises ImageError if it is not an image, empty, damaged in its header, larger than MAX_PIXELS, or, with `one_page`,
    a TIFF of several pages.
    """
    if isinstance(source, bytes):
        return plain_png_header(source) or _any_header(io.BytesIO(source), one_page)
    with source.open("rb", buffering=0) as file:
        return plain_png_header(file.read(_HEAD_LENGTH)) or _any_header(io.BufferedReader(file), one_page)


def plain_png_header(head: bytes) -> ImageHeader | None:
    """The header of an 8-bit RGB or grey PNG with nothing that changes how it looks, as most are; None for all else.

    Pillow tells more about those, and takes twenty times as long.
    """
    try:
        header = read_png_header(head)
        for name, length, _ in islice(png_chunks(head), 1, None):
            if name == b"IDAT":
                plain = header.is_plain and header.width * header.height <= MAX_PIXELS
                return ImageHeader(header.width, header.height, "PNG") if plain else None
            if _HARMLESS.get(name) != length:
                return None
    except PngError:
        pass
    return None


def _any_header(file: io.BufferedReader | io.BytesIO, one_page: bool) -> ImageHeader:
    from image_reader.opening import header_by_pillow  # noqa: PLC0415  Pillow, which plain PNGs do without

    return header_by_pillow(file, one_page)


def read_image_file(path: Path) -> bytes:
    """The bytes of an image file. Raises OSError as read_regular does: for a pipe, or more than MAX_IMAGE_BYTES."""
    return read_regular(path, MAX_IMAGE_BYTES)


def check_pixels(width: int, height: int) -> None:
    """Raise ImageError for more than MAX_PIXELS."""
    if width * height > MAX_PIXELS:
        raise ImageError(f"has {width} x {height} pixels, more than the {MAX_PIXELS:,} that are accepted")
