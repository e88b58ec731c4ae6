"""The pages of a plan's file as pictures: one of most files, several of a PDF or a TIFF."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from PIL import Image

from image_reader.decoding import open_image, upright_rgb
from image_reader.header import ImageError, check_pixels, read_header
from image_reader.opening import DECODING_ERRORS, open_lazily, reason, tiff_pages
from prediction.plans.errors import PlanError

MAX_PAGES = 500
"""Of one file."""
_PDF = b"%PDF-"
_PDF_WITHIN = 1024
"""Bytes in which readers of PDF look for its mark."""


class Pages(Protocol):
    """The pages of one file."""

    def __len__(self) -> int:
        """How many there are, 1 or more."""

    def picture(self, number: int) -> Image.Image:
        """Page `number`, from 0 on: upright, in RGB. Raises PlanError or ImageError."""


@contextmanager
def open_pages(data: bytes) -> Iterator[Pages]:
    """The pages of the file with these bytes. Raises PlanError or ImageError: the message ends "<plan> ..."."""
    if _PDF in data[:_PDF_WITHIN]:
        from prediction.plans.pdf_pages import open_pdf  # noqa: PLC0415  loads PDFium, which few plans need

        with open_pdf(data) as pages:
            yield pages
        return
    header = read_header(data, one_page=False)
    numbers = _page_numbers(data)
    if len(numbers) > 1 and header.format != "TIFF":
        raise PlanError(f"is an animation of {len(numbers)} pictures: save one of them as a file of its own")
    check_count(len(numbers))
    yield _TiffPages(data, numbers) if len(numbers) > 1 else _Picture(data)


def check_count(pages: int) -> None:
    """Raise PlanError for no page, or more than MAX_PAGES."""
    if not pages:
        raise PlanError("has no page")
    if pages > MAX_PAGES:
        raise PlanError(f"has {pages:,} pages, more than the {MAX_PAGES} that are read: split it")


class _Picture:
    """A file with one picture."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return 1

    def picture(self, number: int) -> Image.Image:
        """See Pages."""
        assert number == 0
        return open_image(self._data).convert("RGB")


class _TiffPages:
    """A TIFF with several pages."""

    def __init__(self, data: bytes, numbers: Sequence[int]) -> None:
        """`numbers` are those of the pages among the file's pictures."""
        self._data, self._numbers = data, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def picture(self, number: int) -> Image.Image:
        """See Pages."""
        try:
            with open_lazily(io.BytesIO(self._data)) as image:
                image.seek(self._numbers[number])
                check_pixels(*image.size)
                return upright_rgb(image)
        except DECODING_ERRORS as error:
            if isinstance(error, ImageError):
                raise
            raise ImageError(f"cannot be decoded ({reason(error)})") from error


def _page_numbers(data: bytes) -> Sequence[int]:
    """Which pictures of the file are pages; the first one only if it is damaged behind that."""
    try:
        with open_lazily(io.BytesIO(data)) as image:
            if image.format == "MPO":  # a phone's JPEG: its further pictures are previews and depths of the first
                return [0]
            count = int(getattr(image, "n_frames", 1))
            return list(tiff_pages(image, count)) if image.format == "TIFF" else range(count)
    except DECODING_ERRORS:
        return [0]
