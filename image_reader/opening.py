"""Image files as Pillow opens them, without decoding: their size, how EXIF turns them, and what is wrong with them."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from itertools import islice

from PIL import Image, UnidentifiedImageError

from dataset_contract.file_kinds import HEAD_LENGTH, FileKind, file_kind
from dataset_contract.out_of_memory import is_out_of_memory
from image_reader.header import ImageError, ImageHeader, check_pixels

DECODING_ERRORS = (OSError, EOFError, SyntaxError, ValueError, struct.error, MemoryError)
"""What Pillow raises for damaged files, beside its DecompressionBombError."""

_MORE_MEMORY = "End other programs, or use a machine with more memory; the image itself may be sound."
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "AVIF")
_ORIENTATION = 0x0112  # EXIF's tag
_PHOTOMETRIC = 0x0106  # TIFF's tag: 0 if the value 0 is white
_SUBFILE_TYPE = 0x00FE  # TIFF's tag
_A_VERSION = 0b101  # its bits for a page that is a smaller version of another one, or its mask
_MOST_LOOKED_AT = 64  # pages and their versions, to tell whether there are several
_ONE_PAGE = "Save each page as a file of its own, and give the boxes to the page that they were drawn on."


def header_by_pillow(file: io.BufferedReader | io.BytesIO, one_page: bool) -> ImageHeader:
    """As read_header in header.py, for any file."""
    file.seek(0)
    head = file.read(HEAD_LENGTH)
    if not head:
        raise ImageError("is empty")
    file.seek(0)
    try:
        with open_lazily(file) as image:
            width, height = image.size
            orientation, image_format = orientation_of(image), image.format or ""
            if one_page and image_format == "TIFF" and len(list(islice(tiff_pages(image, _MOST_LOOKED_AT), 2))) > 1:
                raise ImageError("is a TIFF file of several pages, and a plan is one", _ONE_PAGE)
    except UnidentifiedImageError as error:
        unknown = ValueError(f"{file.seek(0, io.SEEK_END):,} bytes of an unknown format")
        raise _not_an_image(file_kind(head), unknown) from error
    except ImageError:
        raise
    except (*DECODING_ERRORS, Image.DecompressionBombError) as error:
        raise _not_an_image(None, error) from error
    check_pixels(width, height)
    if orientation in range(5, 9):
        width, height = height, width
    return ImageHeader(width, height, image_format, turned=orientation != 1)


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


def zero_is_left_white(image: Image.Image) -> bool:
    """Whether 0 is white in the pixels as Pillow gives them: it inverts such TIFF files of 1 and 8 bits, not of 16."""
    if image.format != "TIFF" or not image.mode.startswith("I"):
        return False
    return bool(image.tag_v2.get(_PHOTOMETRIC) == 0)  # type: ignore[attr-defined]


def reason(error: Exception) -> str:
    """What Pillow's error says, never empty."""
    if is_out_of_memory(error):
        return "the memory does not suffice"
    return "unknown format" if isinstance(error, UnidentifiedImageError) else str(error) or type(error).__name__


def fix_of(error: Exception) -> str | None:
    """What to do about Pillow's error, where it is not the file's fault."""
    return _MORE_MEMORY if is_out_of_memory(error) else None


def _not_an_image(kind: FileKind | None, error: Exception) -> ImageError:
    problem = "is not an image that can be read"
    if kind is None:
        return ImageError(f"{problem} ({reason(error)})", fix_of(error))
    if kind.fix is None:  # one of those that are read
        return ImageError(f"{problem}: it begins like {kind.name}, and is damaged or of a kind that is not known")
    return ImageError(f"{problem}: it is {kind.name}", kind.fix)


def tiff_pages(image: Image.Image, most: int) -> Iterator[int]:
    """Which of the first `most` pictures of a TIFF are pages, and not smaller or masking versions of another one.

    The first one, 0, always is. Raises what Pillow raises for damaged files.
    """
    yield 0
    for number in range(1, most):
        try:
            image.seek(number)
        except EOFError:
            return
        if not image.tag_v2.get(_SUBFILE_TYPE, 0) & _A_VERSION:  # type: ignore[attr-defined]
            yield number
