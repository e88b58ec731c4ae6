"""The geometry of the feature scales as one token sequence: their sizes, and which part of each is image.

Shape suffixes: B images, S tokens of all scales, L scales, H and W rows and columns, D features, x B or D, 2 is
x, y.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Scales:
    """Where the tokens of a batch come from, finest scale first, row by row."""

    sizes: list[tuple[int, int]]
    """Rows and columns of each scale, padding included."""

    padding: Tensor
    """(B, S) bool, True = padding."""

    extent: Tensor
    """(L, 2) columns and rows of each scale, padding included: `sizes` on the device."""

    valid_size: Tensor
    """(B, L, 2) columns and rows of each scale that are image."""

    valid_ratio: Tensor
    """(B, L, 2) the same as shares of the padded scale."""

    @classmethod
    def of(cls, masks_BHW: Sequence[Tensor], dtype: torch.dtype) -> Scales:
        """From each scale's padding mask, in `dtype`; the first row and column show how far the image reaches."""
        sizes = [(mask_BHW.shape[1], mask_BHW.shape[2]) for mask_BHW in masks_BHW]
        valid_size_BL2 = torch.stack(
            [torch.stack([(~mask[:, 0, :]).sum(1), (~mask[:, :, 0]).sum(1)], dim=-1) for mask in masks_BHW], dim=1
        ).to(dtype)
        padding_BS = torch.cat([mask_BHW.flatten(1) for mask_BHW in masks_BHW], dim=1)
        # By filling, which copies nothing from the host, and which an exported model does for each image's own sizes.
        extent_L2 = torch.stack([valid_size_BL2.new_full((), side) for h, w in sizes for side in (w, h)]).view(-1, 2)
        return cls(sizes, padding_BS, extent_L2, valid_size_BL2, valid_size_BL2 / extent_L2)

    def split(self, tokens_xSx: Tensor) -> list[Tensor]:
        """The tokens of each scale, of a tensor (B, S, D) or (D, S)."""
        return list(torch.split(tokens_xSx, [h * w for h, w in self.sizes], dim=1))

    def centres(self) -> Iterator[Tensor]:
        """(H W, 2) of each scale: x + 0.5 and y + 0.5 of every pixel."""
        for h, w in self.sizes:
            y, x = (torch.arange(n, dtype=self.extent.dtype, device=self.extent.device) + 0.5 for n in (h, w))
            grid_y, grid_x = torch.meshgrid(y, x, indexing="ij")
            yield torch.stack([grid_x, grid_y], dim=-1).flatten(0, 1)


def resize_mask(mask_BHW: Tensor, size: tuple[int, int]) -> Tensor:
    """The padding mask of the full images (True = padding) at a scale's size, by nearest neighbour."""
    rows, columns = (
        torch.arange(small, device=mask_BHW.device) * full // small
        for small, full in zip(size, mask_BHW.shape[1:], strict=True)
    )
    return mask_BHW[:, rows[:, None], columns]
