"""Drawings for the report: images in URIs, and many images with their boxes on one sheet."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from dataset_prep.sources.source import SourceImage

CONTACT_SIDE = 360
_GAP = 8
_CAPTION = 18


def data_uri(image: Image.Image, kind: Literal["png", "webp"] = "png", **options: int) -> str:
    """The image inside a URI, so that a page needs no other file; `options` are those of Pillow for that kind.

    A template shows it as `safe`: whole, for base64 has nothing to escape, and any other text is cut short.
    """
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def contact_sheet(images: Sequence[SourceImage], drawn: Sequence[Image.Image], *, columns: int = 4) -> Image.Image:
    """The images as they were `drawn`, at most CONTACT_SIDE pixels each, in rows of `columns`, with their ids below."""
    columns, side = min(columns, len(images)), CONTACT_SIDE
    rows = [range(start, min(start + columns, len(images))) for start in range(0, len(images), columns)]
    heights = [max(drawn[index].height for index in row) + _CAPTION + _GAP for row in rows]
    sheet = Image.new("RGB", (columns * (side + _GAP) + _GAP, sum(heights) + _GAP), (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    for number, row in enumerate(rows):
        top = _GAP + sum(heights[:number])
        for column, index in enumerate(row):
            left = _GAP + column * (side + _GAP)
            sheet.paste(drawn[index], (left, top))
            caption = f"{images[index].image_id}: {len(images[index].boxes)} boxes"
            pen.text((left, top + drawn[index].height + 2), caption, fill=(60, 60, 60), font=font)
    return sheet
