"""A box stays on what it was drawn around, whatever happens to the image."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from prediction.image_tensors import resized_size
from training_code.config import TrainingConfig
from training_code.data.augmentation import LabelledImage, augment, crop, flip, resize

WIDTH, HEIGHT = 120, 90


@st.composite
def drawings(draw: st.DrawFn) -> LabelledImage:
    """A black rectangle on white, and its box."""
    x0, y0 = draw(st.integers(0, WIDTH - 8)), draw(st.integers(0, HEIGHT - 8))
    x1, y1 = draw(st.integers(x0 + 8, WIDTH)), draw(st.integers(y0 + 8, HEIGHT))
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    ImageDraw.Draw(image).rectangle((x0, y0, x1 - 1, y1 - 1), fill="black")
    return LabelledImage(image, np.array([[x0, y0, x1, y1]], dtype=np.float32), np.array([2]))


def ink(image: Image.Image) -> tuple[int, int, int, int] | None:
    """The box around all that is dark."""
    return image.convert("L").point(lambda value: 255 * (value < 128)).getbbox()


def assert_on_ink(labelled: LabelledImage, tolerance: float) -> None:
    box = ink(labelled.image)
    if box is None:  # cropped away, or thinner than a pixel
        assert all((labelled.boxes[:, 2:] - labelled.boxes[:, :2]).min(axis=1) <= tolerance)
    else:
        np.testing.assert_allclose(labelled.boxes, [box], atol=tolerance)


@given(drawings())
def test_a_mirrored_box_is_on_the_mirrored_ink(labelled: LabelledImage) -> None:
    assert_on_ink(flip(labelled), 0)
    np.testing.assert_array_equal(flip(flip(labelled)).boxes, labelled.boxes)


@given(drawings(), st.integers(40, 200), st.integers(40, 200))
def test_a_resized_box_is_on_the_resized_ink(labelled: LabelledImage, width: int, height: int) -> None:
    resized = resize(labelled, (width, height))
    assert resized.image.size == (width, height)
    assert_on_ink(resized, 1.01)


@given(drawings(), st.integers(0, 60), st.integers(0, 40), st.integers(20, 60), st.integers(20, 50))
def test_a_cropped_box_is_on_what_is_left_of_the_ink(
    labelled: LabelledImage, x: int, y: int, width: int, height: int
) -> None:
    cropped = crop(labelled, (x, y, x + width, y + height))
    assert len(cropped.boxes) == len(cropped.labels) == (ink(cropped.image) is not None)
    assert_on_ink(cropped, 0)


@given(drawings(), st.integers(0, 2**32), st.booleans())
def test_augmentation_keeps_boxes_on_ink_and_repeats_itself(labelled: LabelledImage, seed: int, crops: bool) -> None:
    config = TrainingConfig(
        image_short_sides=(64,), image_max_side=128, crop_short_sides=(60, 80) if crops else (), crop_sides=(48, 70)
    )
    first, second = (augment(labelled, config, short_side=64, rng=np.random.default_rng(seed)) for _ in range(2))
    assert first.image.tobytes() == second.image.tobytes()
    np.testing.assert_array_equal(first.boxes, second.boxes)
    assert max(first.image.size) <= 128
    assert_on_ink(first, 2.5)  # two resizes, each good to a pixel


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_the_resized_size_keeps_to_both_limits(width: int, height: int) -> None:
    size = resized_size((width, height), 800, 1333)
    assert max(size) <= 1333
    assert min(size) <= 800
    assert min(size) == 800 or max(size) == 1333
