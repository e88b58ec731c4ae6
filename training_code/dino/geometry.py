"""All that depends on nothing but the sizes of images and scales; kept by size where images have no padding.

Shape suffixes: B images (1 where it is the same for all), S tokens of all scales, L scales, A rows of all scales, then
columns of all, F features of one coordinate, H and W rows and columns, 4 is cxcywh, 2 is x, y.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from training_code.dino.encoder import pixel_references
from training_code.dino.position_encoding import encode_lines
from training_code.dino.query_selection import make_proposals
from training_code.dino.scales import Scales
from training_code.model_config import ModelConfig

KEPT = 32
"""Sizes of images; each takes a megabyte at 800x1333 pixels."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """What the transformer takes besides the images' features."""

    scales: Scales
    reference_BSL2: Tensor
    """Where each token is in every padded scale."""
    lines_BAF: Tensor
    """The encoding of each row and column."""
    proposal_BS4: Tensor
    unusable_BS: Tensor


class Geometries:
    """Makes them for one architecture; each model has its own, and what is kept goes with it."""

    def __init__(self, config: ModelConfig) -> None:
        self._config = config
        self._whole = lru_cache(KEPT)(self._make_whole)
        self._scales = lru_cache(KEPT)(self._make_scales)

    def of(
        self, sizes: tuple[tuple[int, int], ...], mask_BHW: Tensor | None, dtype: torch.dtype, device: torch.device
    ) -> Geometry:
        """Of scales of so many rows and columns, and the images' padding mask, True = padding, if there is any."""
        if torch.onnx.is_in_onnx_export():  # there, sizes are not numbers
            return self._make(Scales.whole(sizes, dtype, device))
        if mask_BHW is None:
            return self._whole(sizes, dtype, device)
        return self._make(self._scales(sizes, dtype, device).padded(mask_BHW))

    @staticmethod
    def _make_scales(sizes: tuple[tuple[int, int], ...], dtype: torch.dtype, device: torch.device) -> Scales:
        with torch.inference_mode(False):  # else training could not use them
            return Scales.whole(sizes, dtype, device)

    def _make_whole(self, sizes: tuple[tuple[int, int], ...], dtype: torch.dtype, device: torch.device) -> Geometry:
        with torch.inference_mode(False), torch.no_grad():
            return self._make(Scales.whole(sizes, dtype, device))

    def _make(self, scales: Scales) -> Geometry:
        config = self._config
        lines_BAF = encode_lines(scales, d_model=config.d_model, temperature=config.position_temperature)
        return Geometry(scales, pixel_references(scales), lines_BAF, *make_proposals(scales))
