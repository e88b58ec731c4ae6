"""Contrastive denoising queries (paper section 3.3): noised true boxes that the decoder learns to restore.

Shape suffixes: B images, T boxes of the whole batch, G groups, P denoising and N matching queries of an image,
Q both, D d_model, 4 is cxcywh or xyxy; the axis of size 2 is positive, negative; x is G 2 T
and z B P, flattened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from training_code.dino.boxes import cxcywh_to_xyxy, inverse_sigmoid, xyxy_to_cxcywh
from training_code.dino.host_data import to_device


class Draws(Protocol):
    """A source of the random numbers of denoising, so that a test can replay recorded ones; called in this order.

    Numbers are of the type and on the device of `like`.
    """

    def flip_chances(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Uniform numbers in 0..1; a label is redrawn where the number is below half of dn_label_noise."""

    def new_labels(self, flips: Tensor, num_classes: int) -> Tensor:
        """A random label of `flips`' shape; only those where `flips` is True are used."""

    def signs(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """-1.0 or 1.0, each with chance 1/2."""

    def magnitudes(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Uniform numbers in 0..1."""


class RandomDraws:
    """Draws from the device's default generator, which each update of a training seeds."""

    def flip_chances(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        return torch.rand(shape, dtype=like.dtype, device=like.device)

    def new_labels(self, flips: Tensor, num_classes: int) -> Tensor:
        return torch.randint(num_classes, flips.shape, device=flips.device)

    def signs(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        return torch.randint(2, shape, device=like.device).to(like.dtype) * 2 - 1

    def magnitudes(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        return torch.rand(shape, dtype=like.dtype, device=like.device)


@dataclass(frozen=True, slots=True)
class DenoisingQueries:
    """Denoising queries of a batch; each group lists its positives, then its negatives, `slots` of each."""

    groups: int

    slots: int
    """Positives of a group: the box count of the batch's fullest image."""

    labels: Tensor
    """(G * 2 * T) labels after the flips, group by group: every image's positives, then every image's negatives."""

    content: Tensor
    """(B, P, D) label embeddings; zero in unused slots."""

    box_logits: Tensor
    """(B, P, 4) noised boxes before the sigmoid; zero in unused slots."""

    @property
    def count(self) -> int:
        """Denoising queries of an image, P."""
        return self.groups * 2 * self.slots


def make_denoising_queries(
    labels: Sequence[Tensor],
    boxes: Sequence[Tensor],
    *,
    label_embedding: nn.Embedding,
    num_classes: int,
    dn_number: int,
    label_noise: float,
    box_noise: float,
    draws: Draws,
) -> DenoisingQueries | None:
    """Queries for the targets of a batch, one entry of `labels` (n,) and `boxes` (n, 4) cxcywh an image.

    None without any box, or with dn_number 0. There are dn_number // slots groups, at least one: the queries stay
    near 2 dn_number unless one image alone holds more boxes than that.
    """
    counts = [len(image_labels) for image_labels in labels]
    slots = max(counts, default=0)
    if dn_number == 0 or slots == 0:
        return None
    groups = max(dn_number // slots, 1)
    label_T = torch.cat(list(labels))
    box_T4 = torch.cat(list(boxes)).to(torch.promote_types(label_embedding.weight.dtype, torch.float32))

    label_G2T = label_T.expand(groups, 2, -1)
    if label_noise > 0:
        flips = draws.flip_chances(tuple(label_G2T.shape), box_T4) < label_noise / 2
        label_G2T = torch.where(flips, draws.new_labels(flips, num_classes), label_G2T)
    box_G2T4 = box_T4.expand(groups, 2, -1, -1)
    if box_noise > 0:
        box_G2T4 = _noised(box_G2T4, box_noise, draws)

    # Index of each (group, kind, box) among all images' queries.
    queries = groups * 2 * slots
    place_T = torch.cat([image * queries + torch.arange(n) for image, n in enumerate(counts)])
    start_G2 = torch.arange(groups * 2, device=label_T.device).view(groups, 2) * slots
    at_x = (start_G2[..., None] + to_device(place_T, label_T.device)).flatten()
    content_xD = label_embedding(label_G2T).flatten(0, 2)
    content_zD = content_xD.new_zeros(len(counts) * queries, content_xD.shape[-1])
    box_logits_z4 = box_G2T4.new_zeros(len(counts) * queries, 4)
    return DenoisingQueries(
        groups=groups,
        slots=slots,
        labels=label_G2T.flatten(),
        content=content_zD.index_copy(0, at_x, content_xD).view(len(counts), queries, -1),
        box_logits=box_logits_z4.index_copy(0, at_x, inverse_sigmoid(box_G2T4.clamp(0, 1)).flatten(0, 2)).view(
            -1, queries, 4
        ),
    )


def attention_mask(groups: int, slots: int, num_matching: int, device: torch.device) -> Tensor:
    """(P + N, P + N) bool, True where a query (row) must not see another (column).

    Matching queries see no denoising query, or they would see the answers; groups don't see one another; denoising
    queries do see the matching ones.
    """
    # A number for each group, and a larger one for the matching queries.
    group_Q = (torch.arange(groups * 2 * slots + num_matching, device=device) // max(2 * slots, 1)).clamp_(max=groups)
    row, column = group_Q[:, None], group_Q[None, :]
    return (column < groups) & (row != column)


def _noised(box_G2T4: Tensor, scale: float, draws: Draws) -> Tensor:
    """Boxes whose corners moved by up to half a side times `scale`; negatives move by one to two times as much."""
    shape = tuple(box_G2T4.shape)
    sign = draws.signs(shape, box_G2T4)
    magnitude = draws.magnitudes(shape, box_G2T4)
    is_negative_2 = torch.arange(2, device=box_G2T4.device)
    shift = (magnitude + is_negative_2[:, None, None]) * sign * scale
    half_side = box_G2T4[..., 2:].repeat(1, 1, 1, 2) / 2
    return xyxy_to_cxcywh((cxcywh_to_xyxy(box_G2T4) + shift * half_side).clamp(0, 1))
