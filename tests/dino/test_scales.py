"""The scales' padding masks."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from training_code.dino.scales import resize_mask


@pytest.mark.parametrize("size", [(1, 1), (33, 31), (333, 427), (800, 1333)])
def test_masks_are_resized_as_pytorch_resizes_to_the_nearest_pixel(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    masks = torch.rand(2, *size) < 0.5
    for stride in (8, 16, 32, 64):
        small = (-(-size[0] // stride), -(-size[1] // stride))
        expected = functional.interpolate(masks[:, None].float(), size=small)[:, 0].bool()
        assert torch.equal(resize_mask(masks, small), expected)
