"""The size and orientation of an image are known by its header, and nothing is decoded before its size is known."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from image_reader.decoding import open_image
from image_reader.header import ImageError, read_header
from tests.contract.samples import chunk, png

EXIF_TURNED = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\3\0\0\0\0\0\0"


def saved(name: str, *, mode: str = "RGB", **save: object) -> bytes:
    """The bytes of an image file of 40 x 30."""
    buffer = io.BytesIO()
    Image.new(mode, (40, 30)).save(buffer, name, **save)
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["PNG", "JPEG", "BMP", "WEBP", "TIFF", "GIF"])
def test_every_usual_format_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(saved(name))
    header = read_header(tmp_path / "a")
    assert header == read_header(saved(name))
    assert (header.width, header.height, header.format, header.turned) == (40, 30, name, False)


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_is_that_of_the_upright_image(name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(name, exif=exif.tobytes())
    header = read_header(data)
    assert (header.width, header.height) == ((30, 40) if orientation >= 5 else (40, 30)) == open_image(data).size
    assert header.turned == (orientation != 1)


@pytest.mark.parametrize(
    ("chunks", "turned"),
    [
        ([(b"pHYs", bytes(9)), (b"gAMA", bytes(4)), (b"sRGB", b"\0"), (b"tIME", bytes(7))], False),
        ([(b"pHYs", bytes(9)), (b"eXIf", EXIF_TURNED)], True),
        ([(b"tEXt", b"Software\0" + bytes(9000))], False),  # the pixels start far behind
    ],
)
def test_a_png_with_other_chunks_before_its_pixels_is_read(chunks: list[tuple[bytes, bytes]], turned: bool) -> None:
    data = saved("PNG")
    data = data[:33] + b"".join(chunk(*each) for each in chunks) + data[33:]
    assert read_header(data) == read_header(data)
    assert read_header(data).turned == turned


def test_damage_before_the_pixels_is_refused() -> None:
    data = bytearray(saved("PNG", dpi=(72, 72)))
    data[data.index(b"pHYs") + 4] ^= 0xFF
    with pytest.raises(ImageError, match="is not an image that can be read"):
        read_header(bytes(data))


@pytest.mark.parametrize("read", [read_header, open_image])
def test_an_image_that_would_fill_the_memory_is_refused_by_its_header(
    read: Callable[[bytes], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ImageError, match=r"60000 x 60000|decompression bomb"):
        read(png(60_000, 60_000))
    monkeypatch.setattr("image_reader.header.MAX_PIXELS", 40 * 30 - 1)
    monkeypatch.setattr("image_reader.decoding._normalised", lambda image: pytest.fail("decoded"))
    for name in ("PNG", "JPEG"):
        with pytest.raises(ImageError, match="has 40 x 30 pixels, more than"):
            read(saved(name))


@pytest.mark.parametrize("data", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM"])
@pytest.mark.parametrize("read", [read_header, open_image])
def test_what_is_not_an_image_is_refused_in_one_sentence(data: bytes, read: Callable[[bytes], object]) -> None:
    with pytest.raises(ImageError) as refused:
        read(data)
    assert str(refused.value) and "\n" not in str(refused.value)


def test_a_header_with_the_wrong_checksum_is_refused() -> None:
    data = bytearray(saved("PNG"))
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]) ^ 1)
    with pytest.raises(ImageError, match="is not an image that can be read"):
        read_header(bytes(data))
