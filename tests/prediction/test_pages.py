"""Each page of a plan's file is a picture; what is not a plan is said in the end of a sentence."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image

from image_reader.header import ImageError
from prediction.plans import pages as pages_module
from prediction.plans import pdf_pages
from prediction.plans.errors import PlanError
from prediction.plans.pages import open_pages

WIDE = Image.new("RGB", (300, 200), "white")
TALL = Image.new("L", (100, 250), 40)


def saved(kind: str, *pictures: Image.Image) -> bytes:
    file = io.BytesIO()
    first, *others = (picture.copy() for picture in pictures)  # Pillow leaves traces in what it has saved
    more = {"save_all": True, "append_images": others} if others else {}
    first.save(file, kind, **more)
    return file.getvalue()


def sizes(data: bytes) -> list[tuple[int, int]]:
    with open_pages(data) as pages:
        return [pages.picture(number).size for number in range(len(pages))]


def locked_pdf() -> bytes:
    """A PDF of one page whose password is not empty."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>",
        b"<</Filter/Standard/V 1/R 2/O<" + b"61" * 32 + b">/U<" + b"62" * 32 + b">/P -4>>",
    ]
    text, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(text))
        text += b"%d 0 obj%sendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer<</Size 5/Root 1 0 R/Encrypt 4 0 R/ID[<00><00>]>>\nstartxref\n%d\n%%%%EOF" % len(text)
    return text + b"xref\n0 5\n0000000000 65535 f \n" + table + trailer


def test_a_pdf_has_its_pages_at_200_dots_an_inch() -> None:
    at_72_dots = saved("PDF", WIDE, TALL)  # as Pillow takes it: a pixel is a point
    assert sizes(at_72_dots) == [(834, 556), (278, 695)]


def test_a_page_of_a_pdf_is_drawn_on_white() -> None:
    with open_pages(saved("PDF", TALL)) as pages:
        picture = pages.picture(0)
    assert picture.mode == "RGB"
    assert picture.getpixel((100, 300)) == (40, 40, 40)


def test_a_large_page_is_drawn_with_fewer_dots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_pages, "MAX_PIXELS", 60_000)
    [(width, height)] = sizes(saved("PDF", WIDE))
    assert (width * height <= 60_000, round(width / height, 1)) == (True, 1.5)


def test_a_tiff_may_have_several_pages_of_any_mode() -> None:
    data = saved("TIFF", WIDE, TALL)
    assert sizes(data) == [(300, 200), (100, 250)]
    with open_pages(data) as pages:
        assert pages.picture(1).getpixel((5, 5)) == (40, 40, 40)


def test_smaller_versions_of_a_page_of_a_tiff_are_no_pages() -> None:
    small, file = WIDE.resize((30, 20)), io.BytesIO()
    small.encoderinfo = {"tiffinfo": {0x00FE: 1}}  # which scanners and viewers of large pictures add
    WIDE.copy().save(file, "TIFF", save_all=True, append_images=[small, TALL.copy()])
    assert sizes(file.getvalue()) == [(300, 200), (100, 250)]


def test_a_phones_photo_with_previews_is_one_picture() -> None:
    assert sizes(saved("MPO", WIDE, WIDE.resize((30, 20)))) == [(300, 200)]


@pytest.mark.parametrize("mode", ["CMYK", "I;16", "P", "LA", "RGBA", "1"])
def test_pictures_of_all_kinds_are_read(mode: str) -> None:
    assert sizes(saved("TIFF", Image.new(mode, (60, 40)))) == [(60, 40)]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_refused(kind: str) -> None:
    with pytest.raises(PlanError, match="is an animation of 2 pictures: save one of them"):
        sizes(saved(kind, WIDE, Image.new("RGB", (300, 200), "black")))


@pytest.mark.parametrize("make", [lambda: saved("PDF", WIDE, WIDE), lambda: saved("TIFF", WIDE, WIDE)])
def test_too_many_pages_are_refused(make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages_module, "MAX_PAGES", 1)
    with pytest.raises(PlanError, match="has 2 pages, more than the 1 that are read: split it"):
        sizes(make())


def test_an_encrypted_pdf_is_refused() -> None:
    with pytest.raises(PlanError, match="is encrypted: save it without a password"):
        sizes(locked_pdf())


@pytest.mark.parametrize("data", [b"%PDF-1.4", b"%PDF-1.7\n" + bytes(range(256)) * 20, saved("PDF", WIDE)[:400]])
def test_a_pdf_that_cannot_be_read_is_refused(data: bytes) -> None:
    with pytest.raises(
        PlanError, match=r"is a PDF that cannot be read: print it to a new PDF, or save its pages as PNG"
    ):
        sizes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"<svg/>", "is not an image that can be read: it is an SVG file"),
        (bytes(4321), r"is not an image that can be read \(4,321 bytes of an unknown format\)"),
        (saved("JPEG", WIDE)[:200], "cannot be decoded|is not an image"),
        (saved("TIFF", WIDE, TALL)[:-100], "cannot be decoded|is not an image"),
    ],
)
def test_what_is_not_a_picture_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        sizes(data)


def test_a_page_of_a_tiff_with_too_many_pixels_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved("TIFF", TALL, WIDE)
    monkeypatch.setattr("image_reader.header.MAX_PIXELS", 30_000)
    with open_pages(data) as pages:
        assert pages.picture(0).size == (100, 250)
        with pytest.raises(ImageError, match="has 300 x 200 pixels, more than the 30,000"):
            pages.picture(1)
