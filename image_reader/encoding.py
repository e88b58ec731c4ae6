"""Decoded images to PNG files: the same pixels as Pillow writes, in a seventh of its time."""

from __future__ import annotations

import struct
import zlib

from PIL import Image, ImageChops

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOR_TYPES = {"L": 0, "RGB": 2}
_UP = b"\2"  # the filter of each row: its difference to the row above (PNG, 9.2)
_LEVEL = 2
"""Of zlib. For a photo of 3840 x 2160 pixels with the filter "up", in CPU seconds and kB: 1: 0.17, 7,042; 2: 0.19,
6,722; 3: 0.30, 6,040. Pillow tries all filters on each row: at its default level 1.32 and 6,179, at level 1 0.36 and
7,172."""
_STRIP = 1 << 20  # bytes that are filtered at once


def encode_png(image: Image.Image) -> bytes:
    """The PNG file of an image in mode RGB or L, without anything but its pixels."""
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, _COLOR_TYPES[image.mode], 0, 0, 0)
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL + 1, zlib.Z_DEFAULT_STRATEGY)
    width = image.width * len(image.mode)  # bytes of a row
    rows = max(1, _STRIP // width)
    pixels = bytearray()
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        strip, above = (image.crop((0, top - up, image.width, bottom - up)) for up in (0, 1))  # 0 above the first row
        filtered = ImageChops.subtract_modulo(strip, above).tobytes()
        starts = range(0, len(filtered), width)
        pixels += deflate.compress(b"".join([part for at in starts for part in (_UP, filtered[at : at + width])]))
    pixels += deflate.flush()
    return b"".join((_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", bytes(pixels)), _chunk(b"IEND", b"")))


def _chunk(name: bytes, body: bytes) -> bytes:
    return b"".join((struct.pack(">I", len(body)), name, body, struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))))
