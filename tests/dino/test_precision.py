"""A model computes in its own type throughout: boxes, positions, matching, losses and gradients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode  # public in all but its path
from torch.utils._pytree import tree_leaves

from tests.dino.small_dino import SMALL, FixedDraws, build_small, make_batch, make_targets, run_step
from training_code.dino.criterion import Criterion
from training_code.dino.denoising import RandomDraws
from training_code.dino.encoder import EncoderLayer, pixel_references
from training_code.dino.matcher import matching_cost
from training_code.dino.outputs import Target
from training_code.dino.precision import call_cast, is_mixed, mixed_precision
from training_code.dino.scales import Scales

SIZES = [(101, 131), (80, 96)]


class FloatTypes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch gives modes no types
    """Records every operation that makes a floating point tensor, with its type; the backward pass's too."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.made: set[tuple[str, torch.dtype]] = set()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        self.made |= {(str(func), tensor.dtype) for tensor in tensors if tensor.is_floating_point()}
        return result


def cast_targets(counts: list[int], dtype: torch.dtype) -> list[Target]:
    return [{"labels": target["labels"], "boxes": target["boxes"].to(dtype)} for target in make_targets(counts)]


@pytest.mark.parametrize("counts", [[2, 5], [0, 0]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_step_makes_no_tensor_of_another_float_type(dtype: torch.dtype, counts: list[int]) -> None:
    """One constant left in fp32 would round what an fp64 model computes; one in fp64 would slow an fp32 model."""
    model, (images, mask), targets = build_small().to(dtype), make_batch(SIZES), cast_targets(counts, dtype)
    images = images.to(dtype)
    with FloatTypes() as types:
        run_step(model, images, mask, targets, RandomDraws())
    assert len(types.made) > 80
    assert not {operation for operation, made in types.made if made != dtype}


def test_a_step_in_fp64_is_that_in_fp32() -> None:
    images, mask = make_batch(SIZES)
    totals = []
    for dtype in (torch.float32, torch.float64):
        model, targets = build_small().to(dtype), cast_targets([2, 5], dtype)
        outputs, losses = run_step(model, images.to(dtype), mask, targets, FixedDraws())
        assert outputs["pred_boxes"].dtype == outputs["pred_logits"].dtype == dtype
        totals.append(Criterion(SMALL).total(losses))
        assert totals[-1].dtype == dtype
    assert totals[0].item() == pytest.approx(totals[1].item(), rel=1e-5)


def test_target_boxes_are_taken_in_the_models_type() -> None:
    """A data set's boxes are fp32; what an fp64 model makes of them is not rounded to that."""
    images, mask = make_batch(SIZES)
    both = make_targets([2, 5]), cast_targets([2, 5], torch.float64)
    stepped = [run_step(build_small().double(), images.double(), mask, targets, FixedDraws())[1] for targets in both]
    assert stepped[0] == stepped[1]
    logits, boxes = torch.randn(1, 2, 3, 3).double(), torch.rand(1, 2, 3, 4).double()
    costs = [matching_cost(logits, boxes, targets, SMALL) for targets in both]
    assert torch.equal(*costs)


def test_weights_cast_together_give_what_autocast_gives_one_by_one() -> None:
    layer, x = EncoderLayer(SMALL), torch.randn(2, 25, 32)
    scales = Scales.whole([(4, 4), (2, 3), (1, 2), (1, 1)], torch.float32, torch.device("cpu"))
    inputs = x, torch.randn_like(x), pixel_references(scales), scales
    found = []
    for call in (layer, partial(call_cast, layer)):
        with torch.autocast("cpu", torch.bfloat16):
            out = call(*inputs)
        found.append([out, *torch.autograd.grad(out.float().square().sum(), list(layer.parameters()))])
    for together, one_by_one in zip(*found, strict=True):
        assert together.dtype == one_by_one.dtype
        torch.testing.assert_close(together, one_by_one, atol=1e-2, rtol=1e-2)
    assert len(found[0]) == len(list(layer.parameters())) + 1


@pytest.mark.parametrize(
    ("device", "precision", "knows_bf16", "mixed"),
    [
        ("cuda", "bf16", True, True),
        ("cuda", "fp32", True, False),
        ("cuda", "bf16", False, False),
        ("cpu", "bf16", True, False),
    ],
)
def test_only_a_gpu_that_knows_bf16_takes_it_and_only_where_it_is_set(
    monkeypatch: pytest.MonkeyPatch, device: str, precision: str, knows_bf16: bool, mixed: bool
) -> None:
    def is_supported(including_emulation: bool = True) -> bool:  # by default a T4 has it, too, slower than fp32
        return knows_bf16 or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    assert is_mixed(torch.device(device), precision) is mixed
    with mixed_precision(torch.device(device), precision):
        assert torch.is_autocast_enabled("cuda") is mixed
        assert not torch.is_autocast_enabled("cpu")
