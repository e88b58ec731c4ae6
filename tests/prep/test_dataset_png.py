"""Plain PNGs keep their bytes; others become upright 8-bit PNGs, and the reason is said."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from dataset_prep.dataset_png import dataset_png
from dataset_prep.sources.ink_overlap import grey_thumbnail
from image_reader.header import ImageError, read_header
from tests.contract.samples import chunk, png

MakeImage = Callable[..., Path]


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_an_8_bit_png_is_copied_byte_for_byte(make_image: MakeImage, mode: str) -> None:
    path = make_image("a.PNG", mode=mode)
    assert dataset_png(path) == (path.read_bytes(), None)


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
    make_image: MakeImage, name: str, make: dict[str, Any], reason: str
) -> None:
    path = make_image(name, **make)
    data, said = dataset_png(path)
    assert said is not None and reason in said
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        assert image.mode in ("RGB", "L")
        assert image.info == {}
        assert image.size == (40, 30)


@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_turned_by_exif_are_written_upright(make_image: MakeImage, name: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = make_image(name, exif=exif.tobytes())
    data, said = dataset_png(path)
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == ((30, 40) if orientation >= 5 else (40, 30))
    if name == "a.png":
        assert (said is None) == (orientation == 1)


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        ([(b"pHYs", bytes(9)), (b"gAMA", bytes(4)), (b"sRGB", b"\0"), (b"tIME", bytes(7))], None),
        ([(b"pHYs", bytes(9)), (b"tRNS", bytes(6))], "a transparent colour"),
        ([(b"pHYs", bytes(9)), (b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\3\0\0\0\0\0\0")], "EXIF"),
        ([(b"tEXt", b"Software\0" + bytes(9000))], None),  # the pixels start far behind
    ],
)
def test_what_comes_before_the_pixels_decides_whether_a_png_is_copied(
    make_image: MakeImage, chunks: list[tuple[bytes, bytes]], reason: str | None
) -> None:
    path = make_image("a.png")
    data = path.read_bytes()
    path.write_bytes(data[:33] + b"".join(chunk(*each) for each in chunks) + data[33:])
    said = dataset_png(path)[1]
    assert said is None if reason is None else said is not None and reason in said


@pytest.mark.parametrize("data", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM"])
def test_what_is_not_an_image_is_refused_in_one_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ImageError) as refused:
        dataset_png(tmp_path / "a.png")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("read", [dataset_png, read_header, lambda path: grey_thumbnail(path, 100)])
def test_an_image_that_would_fill_the_memory_is_refused(tmp_path: Path, read: Callable[[Path], object]) -> None:
    (tmp_path / "bomb.png").write_bytes(png(60_000, 60_000))
    with pytest.raises(ImageError, match=r"60000 x 60000|decompression bomb"):
        read(tmp_path / "bomb.png")


def test_a_thumbnail_is_grey_upright_on_white_and_never_enlarged(make_image: MakeImage) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = grey_thumbnail(make_image("a.png", size=(400, 300), mode="RGBA", colour=(0, 0, 0, 0), exif=exif), 100)
    assert (turned.mode, turned.size, turned.getextrema()) == ("L", (75, 100), (255, 255))
    assert grey_thumbnail(make_image("b.png", size=(40, 30)), 100).size == (40, 30)


def test_an_image_that_breaks_off_is_refused_when_it_must_be_decoded(make_image: MakeImage) -> None:
    path = make_image("a.jpg", size=(400, 300))
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(ImageError, match="cannot be decoded"):
        dataset_png(path)
