"""Pictures of any usual format: their size without decoding, and their bytes as the 8-bit PNG that training reads."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from dataset_contract.png import HEAD_LENGTH, MAX_PIXELS, PngError, read_png_header

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif"})
"""Endings, in lower case, of the files that count as pictures."""

_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF")
_ORIENTATION = 0x0112  # EXIF's tag
_HEAD = 4096  # bytes; in most PNGs the pixels start before
_HARMLESS = {b"pHYs": 9, b"gAMA": 4, b"sRGB": 1, b"cHRM": 32, b"tIME": 7}  # PNG chunks and their bytes
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class ImageError(ValueError):
    """The file is no usable picture; the message ends the sentence "<file> ..."."""


@dataclass(frozen=True)
class ImageHeader:
    """A picture's size once it is turned upright, and what keeps it from being copied as it is."""

    width: int
    height: int
    change: str | None
    """The end of the sentence "the picture had ...", None if it is copied."""


def read_header(path: Path) -> ImageHeader:
    """The header of a picture, without decoding it.

    Raises ImageError if it is no picture, empty, damaged in its header, or larger than MAX_PIXELS.
    """
    with path.open("rb", buffering=0) as file:
        return _usual_png(file.read(_HEAD)) or _header(io.BufferedReader(file))


def dataset_png(path: Path) -> tuple[bytes, ImageHeader]:
    """The bytes of the PNG to write: the file's own where it is an 8-bit RGB or grey PNG, else converted to one.

    Raises ImageError as read_header does, and if a picture that must be converted cannot be decoded.
    """
    with path.open("rb", buffering=0) as file:
        data = file.read()
    header = _usual_png(data) or _header(io.BytesIO(data))
    if header.change is None:
        return data, header
    picture = _decode(data)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue(), header


def open_picture(path: Path) -> Image.Image:
    """The decoded picture as training sees it: upright, 8-bit, mode RGB or L. Raises ImageError as dataset_png does."""
    data = path.read_bytes()
    _header(io.BytesIO(data))
    return _decode(data)


def grey_thumbnail(path: Path, side: int) -> Image.Image:
    """The picture upright, grey (mode L), and scaled down to at most `side` pixels wide and high.

    Raises ImageError as dataset_png does.
    """
    data = path.read_bytes()
    _header(io.BytesIO(data))
    picture, _ = _upright(data)
    grey = picture.convert("L")
    grey.thumbnail((side, side), Image.Resampling.BOX)
    return grey


def _header(file: io.BufferedReader | io.BytesIO) -> ImageHeader:
    file.seek(0)
    start = file.read(len(_PNG_SIGNATURE))
    if not start:
        raise ImageError("is empty")
    file.seek(0)
    try:
        with _lazily_opened(file) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise ImageError(f"has {width} x {height} pixels, more than the {MAX_PIXELS:,} that are accepted")
            if start == _PNG_SIGNATURE:
                exif = picture.info.get("exif") is not None
                turned = exif and picture.getexif().get(_ORIENTATION, 1) in range(5, 9)
                file.seek(0)
                change = _png_change(file, turned=exif and picture.getexif().get(_ORIENTATION, 1) != 1)
            else:
                turned = picture.getexif().get(_ORIENTATION, 1) in range(5, 9)
                change = f"the format {picture.format}"
    except (OSError, EOFError, SyntaxError, ValueError, struct.error, PngError, Image.DecompressionBombError) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(f"is no picture that can be read ({_reason(error)})") from error
    return ImageHeader(height, width, change) if turned else ImageHeader(width, height, change)


def _usual_png(start: bytes) -> ImageHeader | None:
    """The header of a PNG that is copied as it is, as most are, by its first bytes; None for all else.

    Pillow says more of what those are, and takes twenty times as long.
    """
    try:
        header = read_png_header(start)
    except PngError:
        return None
    position = HEAD_LENGTH
    while len(start) >= position + 8:
        length, name = struct.unpack_from(">I4s", start, position)
        if name == b"IDAT":
            usual = header.is_plain and header.width * header.height <= MAX_PIXELS
            return ImageHeader(header.width, header.height, None) if usual else None
        end = position + 12 + length
        checksum = int.from_bytes(start[end - 4 : end])
        if _HARMLESS.get(name) != length or zlib.crc32(start[position + 4 : end - 4]) != checksum:
            return None
        position = end
    return None


def _lazily_opened(file: io.BufferedReader | io.BytesIO) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked against MAX_PIXELS
        return Image.open(file, formats=_FORMATS)


def _reason(error: Exception) -> str:
    return "unknown format" if isinstance(error, UnidentifiedImageError) else str(error) or type(error).__name__


def _png_change(file: io.BufferedReader | io.BytesIO, *, turned: bool) -> str | None:
    """Why a PNG has to be converted: anything but 8-bit RGB or grey whose numbers are the colours one sees."""
    file.seek(0)
    header = read_png_header(file.read(HEAD_LENGTH))
    if not header.is_plain:
        return f"the mode {header.mode}"
    while len(head := file.read(8)) == 8:
        length, chunk = struct.unpack(">I4s", head)
        if chunk == b"tRNS":
            return "a transparent colour"
        if chunk == b"iCCP":
            return "a colour profile"
        if chunk == b"IDAT":  # what changes colours stands before the pixels
            break
        file.seek(length + 4, io.SEEK_CUR)
    return "an orientation in EXIF" if turned else None


def _decode(data: bytes) -> Image.Image:
    picture, profile = _upright(data)
    picture = _to_srgb(picture, profile)
    # A fresh image: no profile, EXIF or text of the source comes along.
    clean = Image.new(picture.mode, picture.size)
    clean.paste(picture)
    return clean


def _upright(data: bytes) -> tuple[Image.Image, bytes | None]:
    """The decoded picture in mode RGB or L, turned as EXIF says, on white; and its colour profile."""
    try:
        with _lazily_opened(io.BytesIO(data)) as opened:
            opened.load()
            profile = opened.info.get("icc_profile")
            picture = ImageOps.exif_transpose(opened)
            return _on_white(_eight_bit(picture)), profile
    except (OSError, EOFError, SyntaxError, ValueError, struct.error, MemoryError) as error:
        raise ImageError(f"cannot be decoded ({_reason(error)})") from error


def _eight_bit(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16-bit grey; Pillow's own convert() would clip it
        import numpy as np  # noqa: PLC0415  a tenth of a second and 15 MB that hardly a picture needs

        pixels = np.asarray(picture).astype(np.uint32)
        return Image.fromarray((pixels // 257).astype(np.uint8))
    return picture.convert("L") if picture.mode in ("1", "F") else picture


def _on_white(picture: Image.Image) -> Image.Image:
    """Transparent parts become paper; black, which Pillow's convert() would show there, means wall."""
    if "A" in picture.getbands() or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        paper = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(paper, layered).convert("RGB")
    return picture if picture.mode in ("RGB", "L") else picture.convert("RGB")


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile:
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):  # a broken profile, or one for another colour space: the numbers stand
        return picture
    return converted if converted is not None else picture
