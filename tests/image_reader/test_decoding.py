"""Every image is read upright, 8-bit, in sRGB and on white paper, from a file or as a PIL image."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo

from image_reader.decoding import open_image, upright_rgb
from image_reader.header import ImageError, read_header


def png_of(image: Image.Image, **save: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **save)
    return buffer.getvalue()


def transparent() -> bytes:
    image = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (10, 20, 30, 255))
    return png_of(image)


def sixteen_bits() -> bytes:
    return png_of(Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype=np.uint16)))


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", (2, 1), (255, 255, 255))
    image.putpixel((0, 0), (255, 0, 0))
    return png_of(image, exif=exif.tobytes())


def palette() -> bytes:
    image = Image.new("P", (2, 1), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.putpixel((0, 0), 0)
    return png_of(image, transparency=0)


def white_is_zero() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.array([[0, 25700]], dtype=np.uint16)).save(buffer, "TIFF", tiffinfo={262: 0})
    return buffer.getvalue()


def profile_of_another_space() -> bytes:
    xyz = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    return png_of(Image.new("RGB", (1, 1), (77, 77, 77)), icc_profile=xyz)


CASES: dict[str, tuple[Callable[[], bytes], list[object]]] = {
    "transparent parts become white paper": (transparent, [[[255, 255, 255], [10, 20, 30]]]),
    "16 bits are scaled, not cut": (sixteen_bits, [[0, 100, 255]]),
    "EXIF turns it upright": (turned, [[[255, 0, 0]], [[255, 255, 255]]]),
    "a palette with a transparent colour": (palette, [[[255, 255, 255], [10, 20, 30]]]),
    "16 bits with a transparent value": (
        lambda: png_of(Image.fromarray(np.array([[0, 257]], dtype=np.uint16)), transparency=0),
        [[255, 1]],
    ),
    "16 bits of a TIFF in which 0 is white": (white_is_zero, [[255, 155]]),
    "one bit": (lambda: png_of(Image.new("1", (1, 1), 1)), [[255]]),
    "a profile for another colour space is only taken off": (profile_of_another_space, [[[77, 77, 77]]]),
}


@pytest.mark.parametrize("case", CASES)
def test_pixels_are_those_that_a_person_sees(case: str, tmp_path: Path) -> None:
    make, expected = CASES[case]
    data = make()
    (tmp_path / "a.png").write_bytes(data)
    for image in (open_image(data), open_image(tmp_path / "a.png")):
        assert np.asarray(image).tolist() == expected
        assert (image.mode in ("RGB", "L"), image.info) == (True, {})


@pytest.mark.parametrize("case", CASES)
def test_a_pil_image_gives_the_pixels_of_its_file(case: str) -> None:
    data = CASES[case][0]()
    image = upright_rgb(Image.open(io.BytesIO(data)))
    assert image.mode == "RGB"
    assert image.tobytes() == open_image(data).convert("RGB").tobytes()


def with_orientation(file_format: str, orientation: int) -> bytes:
    """Six pixels, all different."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    image, buffer = Image.new("RGB", (3, 2)), io.BytesIO()
    image.putdata([(40 * number, 0, 255) for number in range(6)])
    image.save(buffer, file_format, exif=exif, **({"lossless": True} if file_format == "WEBP" else {}))
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_each_orientation_is_turned_once_as_pillow_does_and_the_header_knows_the_size(
    file_format: str, orientation: int
) -> None:
    data = with_orientation(file_format, orientation)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    for image in (open_image(data), upright_rgb(Image.open(io.BytesIO(data)))):
        assert (image.size, image.tobytes()) == (upright.size, upright.tobytes())
    header = read_header(data)
    assert (header.width, header.height) == upright.size


def after_the_pixels(png: bytes, name: bytes) -> bytes:
    """The PNG with this chunk moved to its end, where the header does not see it."""
    start = png.index(name) - 4
    chunk = png[start : start + int.from_bytes(png[start : start + 4]) + 12]
    rest = png.replace(chunk, b"")
    return rest[:-12] + chunk + rest[-12:]


def turned_by_xmp() -> bytes:
    said = PngInfo()
    said.add_itxt("XML:com.adobe.xmp", '<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>')
    return png_of(Image.new("RGB", (2, 1)), pnginfo=said)


@pytest.mark.parametrize(
    "data",
    [turned_by_xmp(), after_the_pixels(turned_by_xmp(), b"iTXt"), after_the_pixels(turned(), b"eXIf")],
    ids=["XMP", "XMP after the pixels", "EXIF after the pixels"],
)
def test_what_the_header_does_not_know_to_be_turned_stays_as_it_is(data: bytes) -> None:
    """Browsers show it so; and a data set's images are copied by what their headers say."""
    header = read_header(data)
    assert not header.turned
    for image in (open_image(data), upright_rgb(Image.open(io.BytesIO(data)))):
        assert image.size == (header.width, header.height) == (2, 1)


def test_numbers_beyond_16_bits_are_cut_not_wrapped() -> None:
    buffer = io.BytesIO()
    Image.fromarray(np.array([[-3, 0, 257 * 100, 65535, 70000]], dtype=np.int32)).save(buffer, "TIFF")
    assert np.asarray(open_image(buffer.getvalue())).tolist() == [[0, 0, 100, 255, 255]]


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "1", "I;16", "I", "F", "CMYK", "YCbCr", "HSV", "LAB"])
def test_an_image_of_any_mode_that_was_never_a_file_is_taken(mode: str) -> None:
    assert upright_rgb(Image.new(mode, (4, 3))).size == (4, 3)


def test_a_profile_is_converted_to_srgb() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = open_image(png_of(Image.new("RGB", (1, 1), (200, 100, 50)), icc_profile=srgb))
    assert np.abs(np.asarray(image, dtype=int) - [200, 100, 50]).max() <= 1


@pytest.mark.parametrize("read", [open_image, lambda data: upright_rgb(Image.open(io.BytesIO(data)))])
def test_an_image_that_breaks_off_is_refused(read: Callable[[bytes], object]) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((400, 300), 50).save(buffer, "JPEG")
    with pytest.raises(ImageError, match="cannot be decoded"):
        read(buffer.getvalue()[:700])


def test_an_image_that_memory_lacks_for_is_not_to_blame(monkeypatch: pytest.MonkeyPatch) -> None:
    data = png_of(Image.new("P", (4, 3)))
    for place in ("image_reader.decoding._normalised", "image_reader.opening.orientation_of"):
        with monkeypatch.context() as without_memory:
            without_memory.setattr(place, Mock(side_effect=MemoryError))
            with pytest.raises(ImageError, match=r"\(the memory does not suffice\)") as caught:
                open_image(data)
        assert caught.value.fix is not None
        assert caught.value.fix.startswith("End other programs, or use a machine with more memory")


MANY: dict[str, tuple[str, dict[str, Any]]] = {
    "a palette with a transparent colour": ("P", {"transparency": 0}),
    "transparent": ("RGBA", {}),
    "16 bits": ("I;16", {}),
    "RGB": ("RGB", {}),
}


@pytest.mark.parametrize("case", MANY)
def test_a_large_image_takes_a_few_bytes_a_pixel(case: str, tmp_path: Path) -> None:
    mode, save = MANY[case]
    side = 5_000
    Image.new(mode, (side, side)).save(tmp_path / "a.png", **save)
    told = (
        "import resource, sys; from pathlib import Path; from image_reader.decoding import open_image; import numpy\n"
        "unit = 1 if sys.platform == 'darwin' else 1024\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit\n"
        "before = peak(); open_image(Path(sys.argv[1])); print(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", told, tmp_path / "a.png"], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 8 * side * side + (100 << 20)


@pytest.mark.parametrize("size", [(3_000, 2_000), (2_000, 3_000), (6_000_000, 1), (1, 6_000_000)])
def test_a_large_image_has_the_pixels_of_its_parts(size: tuple[int, int]) -> None:
    row = np.arange(size[0] * size[1], dtype=np.uint32).reshape(size[1], size[0]) // 7 % 251
    image = Image.fromarray(row.astype(np.uint8))
    image.putpalette([value for index in range(256) for value in (index, 255 - index, index // 2)])
    opened = open_image(png_of(image, transparency=3, compress_level=1))
    layered = image.convert("RGBA")
    expected = np.asarray(layered).copy()
    expected[row == 3] = 255
    assert np.array_equal(np.asarray(opened), expected[..., :3])
