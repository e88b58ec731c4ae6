"""The geometry of the feature scales as one token sequence: their sizes, and which part of each is image.

Shape suffixes: B images (1 where it is the same for all), S tokens of all scales, L scales, H and W rows and columns,
A rows of all scales, then columns of all, D features, x B or D, 2 is x, y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Scales:
    """Where the tokens of a batch come from, finest scale first, row by row."""

    sizes: list[tuple[int, int]]
    """Rows and columns of each scale, padding included."""

    centre_S2: Tensor
    """The tokens' pixels in their scale: x + 0.5 and y + 0.5."""

    level_S: Tensor
    """The tokens' scale."""

    line_A: Tensor
    """The number of each row and column in its scale, from 1."""

    side_A: Tensor
    """Where valid_size, (B, L 2), has the number of rows or columns that it is one of."""

    extent_L2: Tensor
    """Columns and rows of each scale, padding included: `sizes` on the device."""

    pixel_L2: Tensor
    """Width and height of a pixel: 1 / extent_L2."""

    valid_size_BL2: Tensor
    """Columns and rows of each scale that are image."""

    padding_BS: Tensor | None
    """True = padding; None if no image has any."""

    @classmethod
    def whole(cls, sizes: Sequence[tuple[int, int]], dtype: torch.dtype, device: torch.device) -> Scales:
        """Of images without padding; floating-point tensors are of `dtype`."""

        # By filling and counting, which copies nothing from the host, and which an exported model does for each
        # image's own sizes.
        def lines(count: int) -> Tensor:
            return torch.arange(1, count + 1, dtype=dtype, device=device)

        def filled(count: int, value: int) -> Tensor:
            return torch.full((count,), value, dtype=torch.int64, device=device)

        centres_S2 = [
            torch.stack([x.expand(h, w), y[:, None].expand(h, w)], dim=-1).flatten(0, 1)
            for h, w in sizes
            for x, y in [(lines(w) - 0.5, lines(h) - 0.5)]
        ]
        sides = [(size[axis], 2 * level + 1 - axis) for axis in (0, 1) for level, size in enumerate(sizes)]
        extent_L2 = torch.stack([torch.full((), side, dtype=dtype, device=device) for h, w in sizes for side in (w, h)])
        extent_L2 = extent_L2.view(-1, 2)
        return cls(
            sizes=list(sizes),
            centre_S2=torch.cat(centres_S2),
            level_S=torch.cat([filled(h * w, level) for level, (h, w) in enumerate(sizes)]),
            line_A=torch.cat([lines(count) for count, _ in sides]),
            side_A=torch.cat([filled(count, side) for count, side in sides]),
            extent_L2=extent_L2,
            pixel_L2=1 / extent_L2,
            valid_size_BL2=extent_L2[None],
            padding_BS=None,
        )

    def padded(self, mask_BHW: Tensor) -> Scales:
        """The same scales of padded images, whose mask is True on padding, to their right and below."""
        full_h, full_w = mask_BHW.shape[1:]
        valid_B2 = torch.stack([(~mask_BHW[:, 0]).sum(1), (~mask_BHW[:, :, 0]).sum(1)], dim=-1)
        # Of n rows, those whose nearest row in the image is valid: r full // n < valid.
        scaled_BL2 = valid_B2[:, None] * self.extent_L2.long()
        valid_BL2 = torch.stack([-(-scaled_BL2[..., 0] // full_w), -(-scaled_BL2[..., 1] // full_h)], dim=-1)
        valid_size_BL2 = valid_BL2.to(self.extent_L2.dtype)
        padding_BS = (self.centre_S2 > valid_size_BL2[:, self.level_S]).any(-1)
        return replace(self, valid_size_BL2=valid_size_BL2, padding_BS=padding_BS)

    @property
    def valid_ratio_BL2(self) -> Tensor:
        """The valid columns and rows as shares of the padded scale's."""
        return self.valid_size_BL2 / self.extent_L2

    def place_BS2(self) -> Tensor:
        """Where each token is in the valid part of its scale: x and y in 0..1, more in the padding."""
        return self.centre_S2 / self.valid_size_BL2[:, self.level_S]

    def split(self, tokens_xSx: Tensor) -> list[Tensor]:
        """The tokens of each scale, of a tensor (B, S, D) or (D, S)."""
        return list(torch.split(tokens_xSx, [h * w for h, w in self.sizes], dim=1))
