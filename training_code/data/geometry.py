"""An image with its boxes, and what moves both: turns, flips, resizing, cropping, placing on a larger sheet.

Boxes are (N, 4) float32 arrays of x0, y0, x1, y1 in pixels. Each function keeps them on what they were drawn around.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image

Boxes = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An RGB image, its boxes, and the category id of each box (N,)."""

    image: Image.Image
    boxes: Boxes
    labels: npt.NDArray[np.int64]


def turn(labelled: LabelledImage, quarter_turns: int) -> LabelledImage:
    """Turn counter-clockwise by so many times 90 degrees."""
    image, boxes = labelled.image, labelled.boxes
    for _ in range(quarter_turns % 4):
        x0, y0, x1, y1 = boxes.T
        boxes = np.stack([y0, image.width - x1, y1, image.width - x0], axis=1)
        image = image.transpose(Image.Transpose.ROTATE_90)
    return replace(labelled, image=image, boxes=boxes)


def flip_horizontally(labelled: LabelledImage) -> LabelledImage:
    """Mirror left and right."""
    boxes = labelled.boxes.copy()
    boxes[:, [0, 2]] = labelled.image.width - labelled.boxes[:, [2, 0]]
    return replace(labelled, image=labelled.image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), boxes=boxes)


def flip_vertically(labelled: LabelledImage) -> LabelledImage:
    """Mirror top and bottom."""
    boxes = labelled.boxes.copy()
    boxes[:, [1, 3]] = labelled.image.height - labelled.boxes[:, [3, 1]]
    return replace(labelled, image=labelled.image.transpose(Image.Transpose.FLIP_TOP_BOTTOM), boxes=boxes)


def resize(labelled: LabelledImage, size: tuple[int, int]) -> LabelledImage:
    """Resize to `size` (width, height)."""
    if size == labelled.image.size:
        return labelled
    scale = np.array([size[0] / labelled.image.width, size[1] / labelled.image.height] * 2, dtype=np.float32)
    # Rounding must not put a box that ends with the image beyond it.
    boxes = np.minimum(labelled.boxes * scale, np.array(size * 2, dtype=np.float32))
    return replace(labelled, image=labelled.image.resize(size, Image.Resampling.BILINEAR), boxes=boxes)


def crop(labelled: LabelledImage, window: tuple[int, int, int, int]) -> LabelledImage:
    """Cut out `window` (x0, y0, x1, y1); boxes are clipped to it, and those left without area are dropped."""
    x0, y0, x1, y1 = window
    boxes = labelled.boxes - np.array([x0, y0, x0, y0], dtype=np.float32)
    boxes = boxes.clip(0, np.array([x1 - x0, y1 - y0] * 2, dtype=np.float32))
    kept = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    return LabelledImage(labelled.image.crop(window), boxes[kept], labelled.labels[kept])


def place(labelled: LabelledImage, size: tuple[int, int], corner: tuple[int, int]) -> LabelledImage:
    """Put the image, its top left at `corner`, on a sheet of `size` (width, height) in the colour of its paper."""
    sheet = Image.new("RGB", size, _paper(labelled.image))
    sheet.paste(labelled.image, corner)
    return replace(labelled, image=sheet, boxes=labelled.boxes + np.array(corner * 2, dtype=np.float32))


def _paper(image: Image.Image) -> tuple[int, int, int]:
    """The median colour of the image's outermost pixels."""
    pixels = np.asarray(image)
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    red, green, blue = np.median(edges, axis=0).astype(int).tolist()
    return red, green, blue
