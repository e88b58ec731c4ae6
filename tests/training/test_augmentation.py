"""A box stays on what it was drawn around, whatever happens to the image."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from prediction.image_tensors import resized_size
from training_code.config import TrainingConfig
from training_code.data.appearance import change_colours, change_line_weight
from training_code.data.augmentation import augment, draw_quarter_turns, landscape, largest_augmented_size
from training_code.data.geometry import (
    LabelledImage,
    crop,
    flip_horizontally,
    flip_vertically,
    place,
    resize,
    turn,
)

WIDTH, HEIGHT = 120, 90

PLAIN = TrainingConfig(
    image_short_sides=(64,), image_max_side=128, crop_short_sides=(), crop_sides=(48, 70), horizontal_flip=False
)
"""No switch is on."""
SWITCHES: dict[str, Any] = {
    "horizontal_flip": True,
    "vertical_flip": True,
    "quarter_turns": True,
    "scale_jitter": 0.5,
    "colour_jitter": 1.0,
    "line_jitter": 1.0,
    "crop_short_sides": (60, 80),
}


@st.composite
def drawings(draw: st.DrawFn) -> LabelledImage:
    """A black rectangle on white, and its box."""
    x0, y0 = draw(st.integers(0, WIDTH - 8)), draw(st.integers(0, HEIGHT - 8))
    x1, y1 = draw(st.integers(x0 + 8, WIDTH)), draw(st.integers(y0 + 8, HEIGHT))
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    ImageDraw.Draw(image).rectangle((x0, y0, x1 - 1, y1 - 1), fill="black")
    return LabelledImage(image, np.array([[x0, y0, x1, y1]], dtype=np.float32), np.array([2]))


def ink(image: Image.Image) -> tuple[int, int, int, int] | None:
    """The box around all that is dark, beside paper or, where there is only one colour, by itself."""
    grey = np.asarray(image.convert("L")).astype(int)
    middle = (grey.min() + grey.max()) / 2 if np.ptp(grey) > 40 else 64
    return Image.fromarray(grey < middle).getbbox()


def edge_is_paper(image: Image.Image) -> bool:
    """Whether most of the edge is white, also once ink a pixel away from it is blended into it by a resize, so that
    what is put around the image is white, too."""
    dark = np.asarray(image.convert("L")) < 128
    return bool(np.mean(np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]])) < 0.3)


def assert_on_ink(labelled: LabelledImage, tolerance: float) -> None:
    box = ink(labelled.image)
    if box is None:  # cropped away, or thinner than a pixel
        assert all((labelled.boxes[:, 2:] - labelled.boxes[:, :2]).min(axis=1) <= tolerance)
    else:
        np.testing.assert_allclose(labelled.boxes, [box], atol=tolerance)


@given(drawings())
def test_a_mirrored_box_is_on_the_mirrored_ink(labelled: LabelledImage) -> None:
    for flip in (flip_horizontally, flip_vertically):
        assert_on_ink(flip(labelled), 0)
        np.testing.assert_array_equal(flip(flip(labelled)).boxes, labelled.boxes)


@given(drawings(), st.integers(0, 3))
def test_a_turned_box_is_on_the_turned_ink(labelled: LabelledImage, quarter_turns: int) -> None:
    turned = turn(labelled, quarter_turns)
    assert turned.image.size == ((HEIGHT, WIDTH) if quarter_turns % 2 else (WIDTH, HEIGHT))
    assert_on_ink(turned, 0)
    back = turn(turned, 4 - quarter_turns)
    assert back.image.tobytes() == labelled.image.tobytes()
    np.testing.assert_array_equal(back.boxes, labelled.boxes)


@given(drawings(), st.integers(0, 30), st.integers(0, 30))
def test_a_placed_box_is_on_the_placed_ink(labelled: LabelledImage, x: int, y: int) -> None:
    assume(edge_is_paper(labelled.image))
    placed = place(labelled, (WIDTH + 30, HEIGHT + 30), (x, y))
    assert placed.image.size == (WIDTH + 30, HEIGHT + 30)
    assert_on_ink(placed, 0)


@given(drawings(), st.integers(40, 200), st.integers(40, 200))
def test_a_resized_box_is_on_the_resized_ink(labelled: LabelledImage, width: int, height: int) -> None:
    resized = resize(labelled, (width, height))
    assert resized.image.size == (width, height)
    assert_on_ink(resized, 1.01)


def test_a_resized_box_that_ends_with_the_image_still_does() -> None:
    for side in range(1, 100):
        whole = LabelledImage(
            Image.new("RGB", (side, side)), np.array([[0, 0, side, side]], dtype=np.float32), np.array([2])
        )
        for width, height in ((72, 64), (1333, 800), (5, 7)):
            assert resize(whole, (width, height)).boxes.tolist() == [pytest.approx([0, 0, width, height])]
            assert (resize(whole, (width, height)).boxes <= [width, height, width, height]).all()


@given(drawings(), st.integers(0, 60), st.integers(0, 40), st.integers(20, 60), st.integers(20, 50))
def test_a_cropped_box_is_on_what_is_left_of_the_ink(
    labelled: LabelledImage, x: int, y: int, width: int, height: int
) -> None:
    cropped = crop(labelled, (x, y, x + width, y + height))
    assert len(cropped.boxes) == len(cropped.labels) == (ink(cropped.image) is not None)
    assert_on_ink(cropped, 0)


@pytest.mark.parametrize("switches", [*([name] for name in SWITCHES), list(SWITCHES)], ids="+".join)
@given(drawings(), st.integers(0, 2**32), st.integers(0, 3))
def test_augmentation_keeps_boxes_on_ink_and_repeats_itself(
    switches: list[str], labelled: LabelledImage, seed: int, quarter_turns: int
) -> None:
    config = replace(PLAIN, **{name: SWITCHES[name] for name in switches})
    assume(not config.scale_jitter or edge_is_paper(labelled.image))
    turns = quarter_turns if config.quarter_turns else 0
    first, second = (
        augment(labelled, config, short_side=64, quarter_turns=turns, rng=np.random.default_rng(seed)) for _ in range(2)
    )
    assert first.image.tobytes() == second.image.tobytes()
    np.testing.assert_array_equal(first.boxes, second.boxes)
    size, largest = first.image.size, largest_augmented_size([labelled.image.size], config)
    shape = landscape(size) if turns else size
    assert shape[0] <= largest[0] <= 128
    assert shape[1] <= largest[1] <= 128
    assert (first.boxes >= 0).all() and (first.boxes <= np.array(size * 2)).all()
    # Each resize is good to a pixel, and a line may be a pixel thicker or thinner.
    assert_on_ink(first, 1.01 + 1.5 * bool(config.crop_short_sides) + bool(config.line_jitter))


def test_without_a_switch_an_image_is_only_resized() -> None:
    rng = np.random.default_rng(5)
    image = Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    labelled = LabelledImage(image, np.array([[3, 4, 50, 60]], dtype=np.float32), np.array([1]))
    before = rng.bit_generator.state
    augmented = augment(labelled, PLAIN, short_side=64, rng=rng)
    assert rng.bit_generator.state == before, "random numbers were taken: a training would no longer repeat itself"
    assert augmented.image.tobytes() == resize(labelled, augmented.image.size).image.tobytes()


@pytest.mark.parametrize("name", SWITCHES)
def test_each_switch_changes_the_image(name: str) -> None:
    config = replace(PLAIN, **{name: SWITCHES[name]})
    image = Image.linear_gradient("L").rotate(30).resize((WIDTH, HEIGHT))
    labelled = LabelledImage(Image.merge("RGB", [image, image, image]), np.zeros((0, 4), np.float32), np.zeros(0, int))
    turns = draw_quarter_turns(np.zeros((20, 1), dtype=bool), config, epoch=1).ravel().tolist()
    seen = {
        augment(labelled, config, short_side=64, quarter_turns=turn_, rng=np.random.default_rng(seed)).image.tobytes()
        for seed, turn_ in enumerate(turns)
    }
    assert len(seen) == {"horizontal_flip": 2, "vertical_flip": 2, "quarter_turns": 4}.get(name, len(seen))
    assert len(seen) > 1


def test_the_default_is_the_papers() -> None:
    """Neither another epoch's turns nor any jitter."""
    assert not draw_quarter_turns(np.array([[True, False]] * 50), TrainingConfig(), epoch=3).any()
    config = TrainingConfig()
    assert (config.scale_jitter, config.colour_jitter, config.line_jitter) == (0, 0, 0)
    assert (config.horizontal_flip, config.vertical_flip, config.quarter_turns) == (True, False, False)


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, 2**32), st.booleans(), st.booleans())
def test_no_shape_exceeds_the_largest(width: int, height: int, seed: int, crops: bool, turns: bool) -> None:
    """Also of a square plan that becomes oblong by a crop: the memory of the first minute is the most there will be."""
    config = replace(
        PLAIN,
        image_max_side=160,
        crop_short_sides=(60, 80) if crops else (),
        quarter_turns=turns,
        scale_jitter=0.3,
    )
    size = (max(1, width // 20), max(1, height // 20))
    labelled = LabelledImage(Image.new("RGB", size), np.zeros((0, 4), np.float32), np.zeros(0, int))
    rng = np.random.default_rng(seed)
    augmented = augment(labelled, config, short_side=64, quarter_turns=int(rng.integers(4)) * turns, rng=rng)
    largest = largest_augmented_size([size], config)
    shape = landscape(augmented.image.size) if turns else augmented.image.size
    assert shape[0] <= largest[0]
    assert shape[1] <= largest[1]


def test_the_largest_shape_counts_turns_and_crops() -> None:
    config = TrainingConfig(crop_short_sides=())
    assert largest_augmented_size([(1000, 800), (900, 900)], config) == (1000, 800)
    assert largest_augmented_size([(1000, 800), (800, 900)], config) == (1000, 900)
    turned = replace(config, quarter_turns=True)
    assert largest_augmented_size([(1000, 800), (800, 900)], turned) == (1000, 800)
    crops = TrainingConfig(crop_short_sides=(400, 500, 600), crop_sides=(384, 600))
    assert largest_augmented_size([(900, 900)], crops) == (1250, 800)  # a crop of 600x384 with a short side of 800
    assert largest_augmented_size([(800, 900)], crops) == (800, 1250)
    assert largest_augmented_size([(3000, 500)], crops) == (1333, 771)  # of 384x222, all that 1333x222 has of height


def test_zooming_out_leaves_paper_around_the_plan_and_zooming_in_a_part_of_it() -> None:
    """Both in an image of the size that it has without."""
    paper = (250, 240, 230)
    labelled = LabelledImage(Image.new("RGB", (WIDTH, HEIGHT), paper), np.zeros((0, 4), np.float32), np.zeros(0, int))
    ImageDraw.Draw(labelled.image).rectangle((30, 30, 89, 59), fill="black")
    config = replace(PLAIN, scale_jitter=0.5, image_short_sides=(HEIGHT,))
    shares = []
    for seed in range(60):
        image = augment(labelled, config, short_side=HEIGHT, rng=np.random.default_rng(seed)).image
        assert image.size == (WIDTH, HEIGHT)
        shares.append((np.asarray(image.convert("L")) < 128).mean() / (60 * 30 / WIDTH / HEIGHT))
        if shares[-1] < 0.9:
            assert image.getpixel((0, 0)) == image.getpixel((WIDTH - 1, HEIGHT - 1)) == paper
    assert 0.2 < min(shares) < 0.35
    assert 1.7 < max(shares) < 2.3


def test_lines_get_thicker_and_thinner_by_parts_of_a_pixel() -> None:
    image = Image.new("RGB", (20, 20), "white")
    ImageDraw.Draw(image).rectangle((8, 0, 11, 19), fill="black")

    def darkness(pixels: float) -> float:
        """Pixels of black in a row."""
        return float((255 - np.asarray(change_line_weight(image, pixels))[10, :, 0].astype(float)).sum() / 255)

    assert [darkness(pixels) for pixels in (-1, -0.5, 0, 0.25, 1)] == pytest.approx([2, 3, 4, 4.5, 6], abs=0.02)


def test_a_line_of_one_pixel_survives_what_the_recipe_does() -> None:
    image = Image.new("RGB", (20, 20), "white")
    ImageDraw.Draw(image).line((10, 0, 10, 19), fill="black")
    assert change_line_weight(image, -0.5).getpixel((10, 10)) == pytest.approx((127, 127, 127), abs=1)


def test_colours_change_by_their_factors() -> None:
    image = Image.new("RGB", (2, 1))
    image.putdata([(100, 50, 20), (40, 40, 40)])
    same = change_colours(image, brightness=1, contrast=1, saturation=1)
    assert same.tobytes() == image.tobytes()
    bright = change_colours(image, brightness=2, contrast=1, saturation=1)
    assert list(np.asarray(bright)[0].ravel()) == [200, 100, 40, 80, 80, 80]
    grey = np.asarray(change_colours(image, brightness=1, contrast=1, saturation=0))[0, 0]
    assert len(set(grey.tolist())) == 1
    flat = np.asarray(change_colours(image, brightness=1, contrast=0, saturation=1))
    assert len(set(flat.ravel().tolist())) == 1


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_the_resized_size_keeps_to_both_limits(width: int, height: int) -> None:
    size = resized_size((width, height), 800, 1333)
    assert max(size) <= 1333
    assert min(size) <= 800
    assert min(size) == 800 or max(size) == 1333
