"""The scales' padding, and what a model keeps for each size."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from tests.dino.small_dino import SMALL
from training_code.dino.geometry import KEPT, Geometries
from training_code.dino.scales import Scales

CPU = torch.device("cpu")


@pytest.mark.parametrize("full", [(1, 1), (33, 31), (333, 427), (800, 1333)])
@pytest.mark.parametrize("share", [0.03, 0.5, 0.97, 1.0])
def test_padding_is_resized_as_pytorch_resizes_to_the_nearest_pixel(full: tuple[int, int], share: float) -> None:
    mask = torch.ones(2, *full, dtype=torch.bool)
    mask[0, : max(1, round(full[0] * share)), : max(1, round(full[1] * share))] = False
    mask[1, :, : max(1, round(full[1] * share))] = False
    sizes = [(-(-full[0] // stride), -(-full[1] // stride)) for stride in (8, 16, 32, 64)]
    scales = Scales.whole(sizes, torch.float32, CPU).padded(mask)
    assert scales.padding_BS is not None
    for level, (size, padding_Bs) in enumerate(zip(sizes, scales.split(scales.padding_BS), strict=True)):
        expected_BHW = functional.interpolate(mask[:, None].float(), size=size)[:, 0].bool()
        assert torch.equal(padding_Bs, expected_BHW.flatten(1))
        valid = [(int((~each[0]).sum()), int((~each[:, 0]).sum())) for each in expected_BHW]
        assert scales.valid_size_BL2[:, level].tolist() == [list(map(float, each)) for each in valid]


def test_without_padding_all_is_as_with_an_empty_mask() -> None:
    sizes = ((5, 7), (3, 4), (2, 2), (1, 1))
    geometries = Geometries(SMALL)
    whole = geometries.of(sizes, None, torch.float64, CPU)
    empty = geometries.of(sizes, torch.zeros(2, 40, 56, dtype=torch.bool), torch.float64, CPU)
    assert torch.equal(whole.scales.valid_ratio_BL2, torch.ones(1, 4, 2, dtype=torch.float64))
    for name in ("reference_BSL2", "lines_BAF", "proposal_BS4", "unusable_BS"):
        one, other = getattr(whole, name), getattr(empty, name)
        assert torch.equal(one.expand_as(other), other), name


def test_what_is_kept_is_bounded_and_can_be_trained_with_after_a_prediction() -> None:
    geometries = Geometries(SMALL)
    with torch.inference_mode():
        kept = geometries.of(((4, 4),) * 4, None, torch.float32, CPU)
    assert geometries.of(((4, 4),) * 4, None, torch.float32, CPU) is kept
    assert not kept.lines_BAF.is_inference()
    for side in range(KEPT):
        geometries.of(((side + 5, 4),) * 4, None, torch.float32, CPU)
    assert geometries.of(((4, 4),) * 4, None, torch.float32, CPU) is not kept
