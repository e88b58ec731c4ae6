"""Fine pictures keep their bytes; others become upright 8-bit PNGs; none is decoded before its size is known."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from dataset_prep.images import ImageError, dataset_png, grey_thumbnail, open_picture, read_header

Picture = Callable[..., Path]


def decoded(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(dataset_png(path)[0]))


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_an_8_bit_png_is_copied_byte_for_byte(picture: Picture, mode: str) -> None:
    path = picture("a.PNG", mode=mode)
    data, header = dataset_png(path)
    assert data == path.read_bytes()
    assert (header.width, header.height, header.change) == (40, 30, None)


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("a.jpg", {}, "the format JPEG"),
        ("a.bmp", {}, "the format BMP"),
        ("a.webp", {}, "the format WEBP"),
        ("a.png", {"mode": "P"}, "palette"),
        ("a.png", {"mode": "RGBA"}, "alpha"),
        ("a.png", {"mode": "LA"}, "alpha"),
        ("a.png", {"mode": "1"}, "1-bit grey"),
        ("a.png", {"mode": "I;16", "colour": 0xFFFF}, "16-bit grey"),
        ("a.png", {"transparency": (255, 255, 255)}, "a transparent colour"),
        ("a.png", {"icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()}, "profile"),
    ],
)
def test_others_are_converted_and_the_reason_is_said(
    picture: Picture, name: str, make: dict[str, Any], reason: str
) -> None:
    path = picture(name, **make)
    header = read_header(path)
    assert reason in (header.change or "")
    with decoded(path) as image:
        assert image.format == "PNG"
        assert image.mode in ("RGB", "L")
        assert image.info == {}
        assert image.size == (header.width, header.height) == (40, 30)


def test_transparent_parts_become_white_paper(tmp_path: Path) -> None:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (10, 20, 30, 255))
    image.save(tmp_path / "a.png")
    with decoded(tmp_path / "a.png") as result:
        assert [result.getpixel((0, 0)), result.getpixel((1, 0))] == [(255, 255, 255), (10, 20, 30)]


def test_16_bits_are_scaled_not_cut(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype=np.uint16)).save(tmp_path / "a.png")
    with decoded(tmp_path / "a.png") as result:
        assert np.asarray(result).tolist() == [[0, 100, 255]]


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_turned_by_exif_are_written_upright(picture: Picture, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = picture(name, exif=exif.tobytes())
    header = read_header(path)
    assert (header.width, header.height) == ((30, 40) if orientation >= 5 else (40, 30))
    with decoded(path) as image:
        assert image.size == (header.width, header.height)
    if name == "a.png":
        assert (header.change is None) == (orientation == 1)


@pytest.mark.parametrize(
    ("chunks", "change"),
    [
        ([(b"pHYs", bytes(9)), (b"gAMA", bytes(4)), (b"sRGB", b"\0"), (b"tIME", bytes(7))], None),
        ([(b"pHYs", bytes(9)), (b"tRNS", bytes(6))], "a transparent colour"),
        ([(b"pHYs", bytes(9)), (b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\3\0\0\0\0\0\0")], "EXIF"),
        ([(b"tEXt", b"Software\0" + bytes(9000))], None),  # the pixels start far behind
    ],
)
def test_what_stands_before_the_pixels_decides_whether_a_png_is_copied(
    picture: Picture, chunks: list[tuple[bytes, bytes]], change: str | None
) -> None:
    path = picture("a.png")
    data = path.read_bytes()
    parts = [struct.pack(">I", len(d)) + name + d + struct.pack(">I", zlib.crc32(name + d)) for name, d in chunks]
    path.write_bytes(data[:33] + b"".join(parts) + data[33:])
    found = read_header(path).change
    assert found is None if change is None else found is not None and change in found
    assert dataset_png(path)[1] == read_header(path)


def test_damage_before_the_pixels_is_refused(picture: Picture) -> None:
    path = picture("a.png", dpi=(72, 72))
    data = path.read_bytes()
    place = data.index(b"pHYs") + 4
    path.write_bytes(data[:place] + b"\xff" + data[place + 1 :])
    with pytest.raises(ImageError, match="is no picture"):
        read_header(path)


def test_a_profile_for_another_colour_space_is_only_taken_off(picture: Picture) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    with decoded(picture("a.png", colour=77, icc_profile=lab)) as image:
        assert image.getpixel((0, 0)) == (77, 77, 77)


def test_a_picture_that_would_fill_the_memory_is_refused_by_its_header(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunks = b""
    for name, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")):
        chunks += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    for read in (read_header, dataset_png, open_picture, lambda path: grey_thumbnail(path, 100)):
        with pytest.raises(ImageError, match=r"60000 x 60000|decompression bomb"):
            read(tmp_path / "bomb.png")


@pytest.mark.parametrize("data", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM"])
def test_what_is_no_picture_is_refused_in_one_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ImageError) as refused:
        dataset_png(tmp_path / "a.png")
    assert "\n" not in str(refused.value)


def test_a_thumbnail_is_grey_upright_on_white_and_never_enlarged(picture: Picture) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = grey_thumbnail(picture("a.png", size=(400, 300), mode="RGBA", colour=(0, 0, 0, 0), exif=exif), 100)
    assert (turned.mode, turned.size, turned.getextrema()) == ("L", (75, 100), (255, 255))
    assert grey_thumbnail(picture("b.png", size=(40, 30)), 100).size == (40, 30)


def test_a_picture_that_breaks_off_is_refused_when_it_must_be_decoded(picture: Picture) -> None:
    path = picture("a.jpg", size=(400, 300))
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(ImageError, match="cannot be decoded"):
        dataset_png(path)
