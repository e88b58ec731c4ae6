"""What changes how a plan is drawn, and moves nothing: its colours and the weight of its lines."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance


def change_colours(image: Image.Image, *, brightness: float, contrast: float, saturation: float) -> Image.Image:
    """Multiply each by its factor (1 changes nothing), in this order, in an RGB image."""
    image = ImageEnhance.Brightness(image).enhance(brightness)
    image = ImageEnhance.Contrast(image).enhance(contrast)
    return ImageEnhance.Color(image).enhance(saturation)


def change_line_weight(image: Image.Image, pixels: float) -> Image.Image:
    """Make the dark lines of an RGB image thicker at each edge by `pixels` (-1..1); below 0 thinner.

    A part of a pixel is that part of the way to the darkest (or lightest) of the pixels around: so a line of one pixel
    gets lighter, and vanishes only at -1.
    """
    around = np.minimum if pixels > 0 else np.maximum
    return Image.blend(image, Image.fromarray(_extremes(np.asarray(image), around)), abs(pixels))


def _extremes(pixels_HW3: npt.NDArray[np.uint8], extreme: np.ufunc) -> npt.NDArray[np.uint8]:
    """The darkest or lightest of each pixel and its eight neighbours; Pillow's own filter takes eight times longer."""
    padded = np.pad(pixels_HW3, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = extreme(extreme(padded[:-2], padded[1:-1]), padded[2:])
    found: npt.NDArray[np.uint8] = extreme(extreme(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
    return found
