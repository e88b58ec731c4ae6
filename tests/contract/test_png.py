"""What is told of a PNG file without decoding it: kind, size, mode, damage."""

from __future__ import annotations

import io
from contextlib import nullcontext, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dataset_contract.png import HEAD_LENGTH, PngError, check_png_chunks, read_png_header
from image_reader.decoding import open_image
from tests.contract.samples import chunk, png


@pytest.mark.parametrize(
    ("mode", "name", "plain"),
    [
        ("L", "8-bit grey", True),
        ("RGB", "8-bit RGB", True),
        ("RGBA", "8-bit RGB with alpha", False),
        ("LA", "8-bit grey with alpha", False),
        ("P", "1-bit palette", False),
        ("1", "1-bit grey", False),
        ("I;16", "16-bit grey", False),
    ],
)
def test_what_pillow_writes_is_understood(mode: str, name: str, plain: bool) -> None:
    stream = io.BytesIO()
    Image.new(mode, (31, 17)).save(stream, "PNG")
    header = read_png_header(stream.getvalue()[:HEAD_LENGTH])
    check_png_chunks(stream.getvalue())
    assert (header.width, header.height, header.mode, header.is_plain) == (31, 17, name, plain)


@pytest.mark.parametrize("kind", ["JPEG", "GIF", "BMP", "WebP", "TIFF", "PDF"])
def test_another_format_is_called_by_its_name(kind: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (20, 20)).save(stream, kind)
    with pytest.raises(PngError, match=f"not a PNG file but a {kind} file") as error:
        read_png_header(stream.getvalue())
    assert error.value.code == "IMAGE_NOT_PNG"


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"version https://git-lfs.github.com/spec/v1\n", b"<?xml version='1.0'?><svg/>"]
)
def test_no_image_at_all_is_said(data: bytes) -> None:
    with pytest.raises(PngError, match="is not a PNG file"):
        read_png_header(data)


def test_every_truncation_is_found() -> None:
    data = png(40, 30)
    for length in range(len(data)):
        with pytest.raises(PngError):
            read_png_header(data[:length])
            check_png_chunks(data[:length])


def test_a_truncated_file_is_called_truncated() -> None:
    for removed in (1, 5, 13, 20):
        with pytest.raises(PngError, match="breaks off"):
            check_png_chunks(png()[:-removed])


def test_a_damaged_header_is_found_from_the_first_bytes_alone() -> None:
    for place in range(8, HEAD_LENGTH):
        head = bytearray(png()[:HEAD_LENGTH])
        head[place] ^= 1
        with pytest.raises(PngError):
            read_png_header(bytes(head))


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_every_changed_byte_is_found(place: int, change: int) -> None:
    data = bytearray(png(40, 30))
    data[place % len(data)] ^= change
    with pytest.raises(PngError):
        read_png_header(bytes(data))
        check_png_chunks(bytes(data))


@given(st.binary(max_size=300))
def test_no_bytes_cause_another_exception(tail: bytes) -> None:
    for data in (tail, png()[: len(png()) // 2] + tail, png()[:8] + tail):
        try:
            read_png_header(data)
            check_png_chunks(data)
        except PngError as error:
            assert str(error)


@pytest.mark.parametrize("sides", [(0, 5), (5, 0), (1 << 31, 5)])
def test_impossible_sizes_are_refused(sides: tuple[int, int]) -> None:
    with pytest.raises(PngError, match="impossible"):
        read_png_header(png()[:8] + chunk(b"IHDR", sides[0].to_bytes(4) + sides[1].to_bytes(4) + b"\x08\0\0\0\0"))


def test_impossible_bit_depth_is_refused() -> None:
    with pytest.raises(PngError, match="impossible"):
        read_png_header(png(bit_depth=4, color_type=2))


def test_bytes_after_the_end_are_found() -> None:
    with pytest.raises(PngError, match="goes on for 3 bytes"):
        check_png_chunks(png() + b"abc")


def test_a_file_without_pixels_is_found() -> None:
    with pytest.raises(PngError, match="no pixels"):
        check_png_chunks(png()[:HEAD_LENGTH] + chunk(b"IEND", b""))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("orientation", "turned"), [(None, False), (1, False), (3, True), (6, True), (0, False)])
def test_an_image_that_exif_turns_is_refused_as_training_would_turn_it(
    order: str, orientation: int | None, turned: bool
) -> None:
    exif = Image.Exif()
    exif.endian = order
    exif[0x010E] = "a plan"
    if orientation is not None:
        exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.new("RGB", (40, 30)).save(stream, "PNG", exif=exif)
    with pytest.raises(PngError, match="is to be turned") if turned else nullcontext():
        check_png_chunks(stream.getvalue())
    assert (open_image(stream.getvalue()).size != (40, 30)) == (orientation == 6)


@given(st.binary(max_size=80))
def test_exif_of_any_bytes_is_no_other_exception(exif: bytes) -> None:
    with suppress(PngError):
        check_png_chunks(png(before_pixels=chunk(b"eXIf", exif)))
