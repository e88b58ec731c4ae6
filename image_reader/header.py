"""The size of an image file by its header, without decoding it."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from dataset_contract.bounded_read import read_regular
from dataset_contract.file_kinds import HEAD_LENGTH as KIND_LENGTH
from dataset_contract.file_kinds import FileKind, file_kind
from dataset_contract.png import MAX_IMAGE_BYTES, MAX_PIXELS, PngError, png_chunks, read_png_header

DECODING_ERRORS = (OSError, EOFError, SyntaxError, ValueError, struct.error, MemoryError)
"""What Pillow raises for damaged files, beside its DecompressionBombError."""

_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "AVIF")
_ORIENTATION = 0x0112  # EXIF's tag
_SUBFILE_TYPE = 0x00FE  # TIFF's tag
_A_VERSION = 0b101  # its bits for a page that is a smaller version of another one, or its mask
_MOST_PAGES = 64  # that are looked at
_ONE_PAGE = "Save each page as a file of its own, and give the boxes to the page that they were drawn on."
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
        return _plain_png_header(source) or _pillow_header(io.BytesIO(source), one_page)
    with source.open("rb", buffering=0) as file:
        return _plain_png_header(file.read(_HEAD_LENGTH)) or _pillow_header(io.BufferedReader(file), one_page)


def read_image_file(path: Path) -> bytes:
    """The bytes of an image file. Raises OSError as read_regular does: for a pipe, or more than MAX_IMAGE_BYTES."""
    return read_regular(path, MAX_IMAGE_BYTES)


def open_lazily(file: io.BufferedReader | io.BytesIO) -> Image.Image:
    """The image, not decoded yet. Raises what Pillow raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked against MAX_PIXELS
        return Image.open(file, formats=_FORMATS)


def orientation_of(image: Image.Image) -> int:
    """How EXIF says to turn the pixels of an image that is not decoded yet: 1 (not at all) to 8.

    As browsers show it: XMP alone does not turn an image, nor does EXIF that a PNG has after its pixels. Pillow turns
    TIFF by itself. Raises what Pillow raises for damaged EXIF.
    """
    if image.info.get("exif") is None or image.format == "TIFF":
        return 1
    orientation: int = image.getexif().get(_ORIENTATION, 1)
    return orientation


def check_pixels(width: int, height: int) -> None:
    """Raise ImageError for more than MAX_PIXELS."""
    if width * height > MAX_PIXELS:
        raise ImageError(f"has {width} x {height} pixels, more than the {MAX_PIXELS:,} that are accepted")


def reason(error: Exception) -> str:
    """What Pillow's error says, never empty."""
    return "unknown format" if isinstance(error, UnidentifiedImageError) else str(error) or type(error).__name__


def _not_an_image(kind: FileKind | None, error: Exception) -> ImageError:
    problem = "is not an image that can be read"
    if kind is None:
        return ImageError(f"{problem} ({reason(error)})")
    if kind.fix is None:  # one of those that are read
        return ImageError(f"{problem}: it begins like {kind.name}, and is damaged or of a kind that is not known")
    return ImageError(f"{problem}: it is {kind.name}", kind.fix)


def _has_pages(image: Image.Image) -> bool:
    """Whether a TIFF has a second picture, and not only smaller or masking versions of the first."""
    try:
        for page in range(1, _MOST_PAGES):
            image.seek(page)
            if not image.tag_v2.get(_SUBFILE_TYPE, 0) & _A_VERSION:  # type: ignore[attr-defined]
                return True
    except EOFError:
        return False
    finally:
        image.seek(0)
    return True


def _plain_png_header(head: bytes) -> ImageHeader | None:
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


def _pillow_header(file: io.BufferedReader | io.BytesIO, one_page: bool) -> ImageHeader:
    file.seek(0)
    head = file.read(KIND_LENGTH)
    if not head:
        raise ImageError("is empty")
    file.seek(0)
    try:
        with open_lazily(file) as image:
            width, height = image.size
            orientation, image_format = orientation_of(image), image.format or ""
            if one_page and image_format == "TIFF" and _has_pages(image):
                raise ImageError("is a TIFF file of several pages, and a plan is one", _ONE_PAGE)
    except UnidentifiedImageError as error:
        raise _not_an_image(file_kind(head), error) from error
    except ImageError:
        raise
    except (*DECODING_ERRORS, Image.DecompressionBombError) as error:
        raise _not_an_image(None, error) from error
    check_pixels(width, height)
    if orientation in range(5, 9):
        width, height = height, width
    return ImageHeader(width, height, image_format, turned=orientation != 1)
