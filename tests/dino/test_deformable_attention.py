"""Deformable attention against its definition: a plain loop over queries, heads, scales and points."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from training_code.dino.deformable_attention import DeformableAttention, softmax_of_points
from training_code.dino.sampling.operator import sample
from training_code.dino.scales import Scales

SIZES = [(5, 7), (3, 4), (2, 2)]
HEADS, POINTS, FEATURES = 2, 3, 4


def scales(dtype: torch.dtype) -> Scales:
    return Scales.whole(SIZES, dtype, torch.device("cpu"))


def random_inputs(queries: int) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    tokens = sum(h * w for h, w in SIZES)
    value = torch.randn(2, tokens, HEADS * FEATURES, dtype=torch.float64)
    place = torch.rand(2, queries, HEADS, len(SIZES), POINTS, 2, dtype=torch.float64) * 1.4 - 0.2  # some lie outside
    weight = torch.rand(2, queries, HEADS, len(SIZES), POINTS, dtype=torch.float64)
    return value, place, weight


def test_sampling_is_the_weighted_sum_of_bilinear_reads() -> None:
    value, place, weight = random_inputs(queries=3)
    sampled = sample(value.view(2, -1, HEADS, FEATURES), place, weight, [side for size in SIZES for side in size])
    for b in range(2):
        for q in range(3):
            for m in range(HEADS):
                expected = torch.zeros(FEATURES, dtype=torch.float64)
                start = 0
                for level, (h, w) in enumerate(SIZES):
                    columns = value[b, start : start + h * w, m * FEATURES : (m + 1) * FEATURES].view(h, w, FEATURES)
                    start += h * w
                    for k in range(POINTS):
                        x, y = (float(c) for c in place[b, q, m, level, k])
                        expected += weight[b, q, m, level, k] * _bilinear(columns, x * w - 0.5, y * h - 0.5)
                torch.testing.assert_close(sampled[b, q, m * FEATURES : (m + 1) * FEATURES], expected)


def _bilinear(pixels: Tensor, x: float, y: float) -> Tensor:
    """Reads (H, W, E) at a pixel position; pixels outside are zero."""
    h, w, _ = pixels.shape
    total = torch.zeros(pixels.shape[2], dtype=pixels.dtype)
    for row in (int(y // 1), int(y // 1) + 1):
        for column in (int(x // 1), int(x // 1) + 1):
            if 0 <= row < h and 0 <= column < w:
                total += (1 - abs(x - column)) * (1 - abs(y - row)) * pixels[row, column]
    return total


def test_padding_is_never_read() -> None:
    attention = DeformableAttention(d_model=8, num_heads=HEADS, num_levels=3, num_points=POINTS)
    mask = torch.zeros(1, 5, 7, dtype=torch.bool)
    mask[:, :, 4:] = True
    query, reference = torch.randn(1, 6, 8), torch.rand(1, 6, 3, 2)
    tokens = torch.randn(1, 35 + 12 + 4, 8)
    padded = scales(torch.float32).padded(mask)
    assert padded.padding_BS is not None
    changed = tokens.masked_fill(padded.padding_BS[..., None], 9.0)
    assert (tokens != changed).any()
    torch.testing.assert_close(
        attention(query, reference, changed, padded), attention(query, reference, tokens, padded)
    )


@pytest.mark.parametrize(("reference", "expected_x"), [([0.5, 0.5], 0.5 + 1 / 7), ([0.5, 0.5, 0.6, 0.2], 0.6)])
def test_offsets_count_in_pixels_around_a_point_and_in_box_parts_around_a_box(
    reference: list[float], expected_x: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    attention = DeformableAttention(d_model=8, num_heads=HEADS, num_levels=3, num_points=POINTS)
    seen: list[Tensor] = []

    def recording(value: Tensor, location: Tensor, weight: Tensor, sizes: list[int]) -> Tensor:
        seen.append(location)
        sampled: Tensor = sample(value, location, weight, sizes)
        return sampled

    monkeypatch.setattr("training_code.dino.deformable_attention.sample", recording)
    attention(
        torch.randn(1, 1, 8),
        torch.tensor(reference).expand(1, 1, 3, -1),
        torch.randn(1, 51, 8),
        scales(torch.float32),
    )
    # A fresh head 0 looks one step to the right: a pixel of the 7 in a row, or half a width over 3 points.
    assert seen[0][0, 0, 0, 0, 0, 0].item() == pytest.approx(expected_x)


@pytest.mark.parametrize("points", [1, 8, 15, 16, 40])
def test_weights_are_the_softmax_of_their_logits_whatever_their_number(points: int) -> None:
    torch.manual_seed(1)
    logit = (torch.randn(2, 5, HEADS, points, dtype=torch.float64) * 100).requires_grad_()
    weight = softmax_of_points(logit)
    torch.testing.assert_close(weight, logit.softmax(-1), rtol=1e-15, atol=0)
    assert torch.autograd.gradcheck(softmax_of_points, (logit / 100,))
