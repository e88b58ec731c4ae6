"""Which changes a training image goes through, drawn at random: the paper's (appendix D), and those that suit plans.

Each has its own switch in training_code/config.py. A switch that is off takes no random numbers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from prediction.image_tensors import resized_size
from training_code.config import TrainingConfig
from training_code.data.appearance import change_colours, change_line_weight
from training_code.data.geometry import LabelledImage, crop, flip_horizontally, flip_vertically, place, resize, turn

Size = tuple[int, int]
"""Width and height in pixels."""


def draw_quarter_turns(portrait: npt.NDArray[np.bool_], config: TrainingConfig, *, epoch: int) -> npt.NDArray[np.int64]:
    """By how many times 90 degrees each image of each update is turned in `epoch`, (updates, images) in 0..3.

    `portrait` has the same shape: whether the image is higher than wide. Turned, all images of an update are portrait
    in one half of the updates, landscape in the other, so that they pad each other little. A square is either.
    """
    if not config.quarter_turns:
        return np.zeros(portrait.shape, dtype=np.int64)
    rng = np.random.default_rng([config.seed, epoch, 0, 2])
    portrait_U1 = (rng.permutation(len(portrait)) + rng.integers(2))[:, None] % 2
    half_turns_UI = rng.integers(2, size=portrait.shape)
    turns_UI: npt.NDArray[np.int64] = (portrait != portrait_U1) + 2 * half_turns_UI
    return turns_UI


def augment(
    labelled: LabelledImage,
    config: TrainingConfig,
    *,
    short_side: int,
    quarter_turns: int = 0,
    rng: np.random.Generator,
) -> LabelledImage:
    """Flip, crop half of the images and zoom the others, resize to `short_side`, turn, change lines and colours.

    The paper draws the side per image; here a batch shares it, so that padding is small. For the same reason a crop
    keeps to its image's orientation.
    """
    portrait = labelled.image.height > labelled.image.width
    if config.horizontal_flip and rng.random() < 0.5:
        labelled = flip_horizontally(labelled)
    if config.vertical_flip and rng.random() < 0.5:
        labelled = flip_vertically(labelled)
    zoom = 1.0
    if config.crop_short_sides and rng.random() < 0.5:
        before = int(rng.choice(config.crop_short_sides))
        labelled = resize(labelled, resized_size(labelled.image.size, before, config.image_max_side))
        labelled = crop(labelled, _random_window(labelled.image.size, config.crop_sides, rng, portrait=portrait))
    elif config.scale_jitter:
        zoom = rng.uniform(1 - config.scale_jitter, 1 + config.scale_jitter)
    size = resized_size(labelled.image.size, short_side, config.image_max_side)
    labelled = turn(_resize_and_zoom(labelled, size, zoom, rng), quarter_turns)
    if config.line_jitter:
        pixels = rng.uniform(-config.line_jitter, config.line_jitter)
        labelled = replace(labelled, image=change_line_weight(labelled.image, pixels))
    if config.colour_jitter:
        brightness, contrast, saturation = (1 + config.colour_jitter) ** rng.uniform(-1, 1, size=3)
        colours = change_colours(labelled.image, brightness=brightness, contrast=contrast, saturation=saturation)
        labelled = replace(labelled, image=colours)
    return labelled


def largest_augmented_size(sizes: Iterable[Size], config: TrainingConfig) -> Size:
    """The width and the height that no batch of images of these sizes, turned and cropped, exceeds.

    With quarter turns it is that of landscape images; a batch of portrait ones has the two the other way round.
    """
    shapes = set(sizes)
    if config.quarter_turns:
        shapes = {landscape(shape) for shape in shapes}
    shapes |= {cropped for shape in shapes for cropped in _extreme_crops(shape, config)}
    largest = max(config.image_short_sides)
    resized = [resized_size(shape, largest, config.image_max_side) for shape in shapes]
    return max(width for width, _ in resized), max(height for _, height in resized)


def landscape(size: Size) -> Size:
    """The size of an image of `size` after a quarter turn if it is higher than wide."""
    return max(size), min(size)


def _extreme_crops(size: Size, config: TrainingConfig) -> Iterator[Size]:
    """The most and the least oblong shapes that crops of an image of `size` can have."""
    for before in config.crop_short_sides:
        width, height = landscape(resized_size(size, before, config.image_max_side))
        least_width, most_width = (min(width, side) for side in config.crop_sides)
        least_height, most_height = (min(height, side) for side in config.crop_sides)
        for shape in ((most_width, least_height), (max(least_width, most_height), most_height)):
            yield shape if size[0] >= size[1] else shape[::-1]


def _resize_and_zoom(labelled: LabelledImage, size: Size, factor: float, rng: np.random.Generator) -> LabelledImage:
    """Resize to `size`, showing a part of the image where `factor` is above 1, and empty paper around it below 1."""
    if factor == 1.0:
        return resize(labelled, size)
    if factor < 1.0:
        smaller = _scaled(size, factor)
        return place(resize(labelled, smaller), size, _random_corner(smaller, size, rng))
    part = _scaled(labelled.image.size, 1 / factor)
    x0, y0 = _random_corner(part, labelled.image.size, rng)
    return resize(crop(labelled, (x0, y0, x0 + part[0], y0 + part[1])), size)


def _random_window(
    size: Size, sides: tuple[int, int], rng: np.random.Generator, *, portrait: bool
) -> tuple[int, int, int, int]:
    """A window within `size` whose sides are drawn from `sides`, as far as the image reaches.

    The longer one is the window's height if it is to be `portrait`, else its width.
    """
    drawn = [int(rng.integers(min(side, sides[0]), min(side, sides[1]) + 1)) for side in size]
    width, height = sorted(drawn, reverse=not portrait)
    x0, y0 = _random_corner((width, height), size, rng)
    return x0, y0, x0 + width, y0 + height


def _random_corner(inner: Size, outer: Size, rng: np.random.Generator) -> tuple[int, int]:
    """Where the top left of `inner` may be so that it is within `outer`."""
    return int(rng.integers(0, outer[0] - inner[0] + 1)), int(rng.integers(0, outer[1] - inner[1] + 1))


def _scaled(size: Size, factor: float) -> Size:
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
