"""What the model is given of an image, to the bit as PyTorch would compute it."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from prediction.backends.torch_images import normalised_on
from prediction.image_tensors import MEAN, STD, normalised, pixels_of, resized_pixels

CPU = torch.device("cpu")


def all_colours() -> Image.Image:
    """256 rows, each of its own value in all colours."""
    return Image.fromarray(np.arange(256, dtype=np.uint8)[:, None, None].repeat(5, axis=1).repeat(3, axis=2))


def test_every_value_of_every_colour_is_normalised_as_by_pytorch() -> None:
    image = all_colours()
    found = normalised(pixels_of(image))
    tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    expected = (tensor / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    assert found.flags.c_contiguous and found.dtype == np.float32
    assert np.array_equal(found, expected.numpy())


def test_a_device_gives_the_same_bits_as_numpy() -> None:
    pixels = pixels_of(all_colours())
    [image] = normalised_on(CPU, torch.from_numpy(pixels)[None])
    assert image.dtype == torch.float32 and image.is_contiguous()
    assert np.array_equal(image.numpy(), normalised(pixels))


def test_padding_is_0_once_normalised_whatever_its_pixels_are() -> None:
    pixels = torch.randint(1, 256, (2, 3, 4, 5), dtype=torch.uint8)
    mask = torch.zeros(2, 4, 5, dtype=torch.bool)
    mask[1, 3:], mask[1, :, 2:] = True, True
    found = normalised_on(CPU, pixels, mask)
    assert torch.equal(found == 0, mask[:, None].expand(-1, 3, -1, -1))
    assert torch.equal(found[0], normalised_on(CPU, pixels)[0])


def test_an_image_is_resized_to_the_models_size() -> None:
    pixels = resized_pixels(Image.new("RGB", (300, 200)), 64, 80)
    assert pixels.shape == (3, 53, 80) and pixels.dtype == np.uint8 and pixels.flags.writeable
