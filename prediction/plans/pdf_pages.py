"""The pages of a PDF as pictures, by PDFium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pypdfium2
import pypdfium2.raw
from PIL import Image

from dataset_contract.png import MAX_PIXELS
from prediction.plans.errors import PlanError
from prediction.plans.pages import check_count

DPI = 200
"""Pixels an inch of paper; fewer where a page would have more than MAX_PIXELS."""
_POINTS_PER_INCH = 72


@contextmanager
def open_pdf(data: bytes) -> Iterator[PdfPages]:
    """The pages of the PDF with these bytes. Raises PlanError: the message ends the sentence "<plan> ..."."""
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise PlanError("is encrypted: save it without a password") from None
        raise PlanError("is a PDF that cannot be read: print it to a new PDF, or save its pages as PNG") from None
    try:
        check_count(len(document))
        yield PdfPages(document)
    finally:
        document.close()


class PdfPages:
    """See Pages."""

    def __init__(self, document: pypdfium2.PdfDocument) -> None:
        """`document` is open."""
        self._document = document

    def __len__(self) -> int:
        """How many there are."""
        return len(self._document)

    def picture(self, number: int) -> Image.Image:
        """Page `number` at DPI, on white. Raises PlanError."""
        try:
            page = self._document[number]
            try:
                width, height = page.get_size()
                if not (width > 0 and height > 0):
                    raise PlanError(f"has a page {number + 1} without a size")
                scale = min(DPI / _POINTS_PER_INCH, (0.99 * MAX_PIXELS / (width * height)) ** 0.5)
                picture: Image.Image = page.render(scale=scale).to_pil()
                return picture.convert("RGB")
            finally:
                page.close()
        except pypdfium2.PdfiumError:
            raise PlanError(f"has a page {number + 1} that cannot be drawn: save that page as PNG") from None
