"""The PNG that the data set gets of an image: the file's own bytes where they are 8-bit RGB or grey, else converted."""

from __future__ import annotations

from pathlib import Path

from dataset_contract.png import PngError, png_chunks, read_png_header
from image_reader.header import ImageError, ImageHeader, plain_png_header, read_header, read_image_file

_CHANGES_COLOURS = {b"tRNS": "a transparent colour", b"iCCP": "a colour profile"}


def dataset_png(path: Path) -> tuple[bytes, str | None]:
    """The bytes of the PNG to write, and why the file was converted: the end of "the image had ...", None if copied.

    Raises ImageError as read_header does, and if an image that must be converted cannot be decoded.
    """
    data = read_image_file(path)
    if plain_png_header(data) is not None:  # as most are
        return data, None
    reason = _why_converted(data, read_header(data))
    if reason is None:
        return data, None
    from image_reader.decoding import open_image  # noqa: PLC0415  Pillow, which plain PNGs do without
    from image_reader.encoding import encode_png  # noqa: PLC0415

    return encode_png(open_image(data)), reason


def _why_converted(data: bytes, header: ImageHeader) -> str | None:
    if header.format != "PNG":
        return f"the format {header.format}"
    try:
        png = read_png_header(data)
        if not png.is_plain:
            return f"the mode {png.mode}"
        for name, _, _ in png_chunks(data):
            if name in _CHANGES_COLOURS:
                return _CHANGES_COLOURS[name]
            if name == b"IDAT":  # what changes colours comes before the pixels
                break
    except PngError as error:
        raise ImageError(f"is not an image that can be read ({error})") from error
    return "an orientation in EXIF" if header.turned else None
