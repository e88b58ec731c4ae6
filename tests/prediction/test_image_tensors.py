"""What the model is given of an image, to the bit as PyTorch would compute it."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from prediction.image_tensors import MEAN, STD, model_input, normalised


def test_every_value_of_every_colour_is_normalised_as_by_pytorch() -> None:
    pixels = np.stack(np.meshgrid(np.arange(256), np.arange(3), indexing="ij"), axis=-1)[..., :1].repeat(3, axis=-1)
    image = Image.fromarray(pixels.astype(np.uint8))
    found = normalised(image)
    tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    expected = (tensor / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    assert found.flags.c_contiguous and found.dtype == np.float32
    assert np.array_equal(found, expected.numpy())


def test_an_image_is_resized_to_the_models_size() -> None:
    assert model_input(Image.new("RGB", (300, 200)), 64, 80).shape == (3, 53, 80)
