"""PNG files as far as they can be judged without decoding pixels: signature, header, chunks and their checksums."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from dataset_contract.file_kinds import file_kind

HEAD_LENGTH = 33
"""Bytes up to the end of the header chunk: 8 of signature, 8 + 13 + 4 of IHDR."""
MAX_PIXELS = 100_000_000
"""The largest image that is accepted: the largest known floor plan, of CubiCasa5K, has 90 million."""
MAX_IMAGE_BYTES = 320_000_000
"""The largest image file that is read: so many bytes take the pixels in 8-bit RGB where they cannot be compressed."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ORIENTATION = 0x0112  # EXIF's tag
_BIT_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_COLOR_TYPES = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGB with alpha"}


class PngError(Exception):
    """The file is not a PNG, or is damaged; the text is the end of a sentence that starts with its name."""

    def __init__(self, code: str, problem: str) -> None:
        """`code` is the finding's."""
        super().__init__(problem)
        self.code = code


@dataclass(frozen=True, slots=True)
class PngHeader:
    """What IHDR says."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    bit_depth: int
    color_type: int
    """0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha."""

    @property
    def mode(self) -> str:
        """As a sentence names it: 8-bit RGB."""
        return f"{self.bit_depth}-bit {_COLOR_TYPES[self.color_type]}"

    @property
    def is_plain(self) -> bool:
        """Whether it is 8-bit RGB or grey, the two that training takes."""
        return self.bit_depth == 8 and self.color_type in (0, 2)


def read_png_header(head: bytes) -> PngHeader:
    """The header of the PNG file that starts with `head` (HEAD_LENGTH bytes; more do no harm).

    Raises:
        PngError: it is not a PNG file, or its header is damaged.
    """
    if not head.startswith(_SIGNATURE):
        kind = file_kind(head)
        raise PngError("IMAGE_NOT_PNG", f"is not a PNG file but {kind.name if kind is not None else 'something else'}")
    if len(head) < HEAD_LENGTH:
        raise PngError("IMAGE_DAMAGED", f"breaks off after {len(head)} bytes")
    length, name, width, height, bit_depth, color_type, compression, filtering, interlace, crc = struct.unpack(
        ">I4sIIBBBBBI", head[8:HEAD_LENGTH]
    )
    if name != b"IHDR" or length != 13 or zlib.crc32(head[12:29]) != crc:
        raise PngError("IMAGE_DAMAGED", "has a damaged PNG header")
    possible = bit_depth in _BIT_DEPTHS.get(color_type, ()) and (compression, filtering) == (0, 0) and interlace <= 1
    if not possible or not (0 < width < 1 << 31 and 0 < height < 1 << 31):
        raise PngError("IMAGE_DAMAGED", "has a PNG header with impossible values")
    return PngHeader(width, height, bit_depth, color_type)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, length and end position of each chunk of a PNG file, up to IEND.

    A chunk is verified when the walk goes on to the next, so that the first bytes of a file show all names in them.

    Raises:
        PngError: the data breaks off, or a checksum is wrong.
    """
    position, view, name = len(_SIGNATURE), memoryview(data), b""
    while name != b"IEND":
        if len(data) - position < 12:
            raise PngError("IMAGE_DAMAGED", f"breaks off after {len(data):,} bytes, before the end of its PNG data")
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        yield name, length, end
        if end > len(data):
            raise PngError("IMAGE_DAMAGED", f"breaks off after {len(data):,} bytes, within its PNG data")
        if zlib.crc32(view[position + 4 : end - 4]) != int.from_bytes(view[end - 4 : end]):
            raise PngError("IMAGE_DAMAGED", f"is damaged: a checksum is wrong after byte {position:,}")
        position = end


def check_png_chunks(data: bytes) -> None:
    """Verify all chunks of a PNG file, as a decoder would meet them.

    Raises:
        PngError: it breaks off, a checksum is wrong, it has no pixels, has transparency, asks to be turned, or goes on
            after its end.
    """
    chunks = list(png_chunks(data))
    names, end = {name for name, _, _ in chunks}, chunks[-1][2]
    if b"IDAT" not in names:
        raise PngError("IMAGE_DAMAGED", "has no pixels")
    if b"tRNS" in names:
        raise PngError("IMAGE_MODE", "declares a colour transparent")
    for name, length, end_of_chunk in chunks[: [name for name, _, _ in chunks].index(b"IDAT")]:
        if name == b"eXIf" and _asks_to_be_turned(data[end_of_chunk - 4 - length : end_of_chunk - 4]):
            raise PngError("IMAGE_MODE", "is to be turned, by its EXIF")
    if end != len(data):
        raise PngError("IMAGE_DAMAGED", f"goes on for {len(data) - end:,} bytes after the end of its PNG data")


def _asks_to_be_turned(exif: bytes) -> bool:
    """Whether the first directory of `exif`, a TIFF without pixels, has an orientation other than upright."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2], "<")
    try:
        [start] = struct.unpack_from(f"{order}I", exif, 4)
        [count] = struct.unpack_from(f"{order}H", exif, start)
        entries = [struct.unpack_from(f"{order}HHIH", exif, start + 2 + 12 * number) for number in range(count)]
    except struct.error:  # nobody can read it
        return False
    return any(tag == _ORIENTATION and value in range(2, 9) for tag, _, _, value in entries)
