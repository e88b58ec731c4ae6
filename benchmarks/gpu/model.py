"""The model on the GPU against the model on the CPU: answers, gradients, and the recorded losses of a training."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor

from benchmarks.gpu.figures import Tell
from benchmarks.gpu.timing import device
from tests.dino.small_dino import FixedDraws, build_small, make_batch, make_targets
from tests.training import test_golden_losses as golden
from tests.training.training_jobs import write_dataset
from training_code.dino.criterion import Criterion
from training_code.dino.denoising import RandomDraws
from training_code.dino.outputs import Target
from training_code.dino.sampling.choice import choose

SIZES = [(101, 131), (80, 96)]
DRY_STEPS = 2


class _RecordedDraws(FixedDraws):
    """The same numbers, on the GPU."""

    def new_labels(self, flips: Tensor, num_classes: int) -> Tensor:
        return super().new_labels(flips, num_classes).to(flips.device)


class _HostDraws(RandomDraws):
    """Draws from the CPU's generator, which gives other numbers than a GPU's."""

    def flip_chances(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        return super().flip_chances(shape, like.cpu()).to(like.device)

    def new_labels(self, flips: Tensor, num_classes: int) -> Tensor:
        return super().new_labels(flips.cpu(), num_classes).to(flips.device)

    def signs(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        return super().signs(shape, like.cpu()).to(like.device)

    def magnitudes(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        return super().magnitudes(shape, like.cpu()).to(like.device)


def correctness(dry: bool, tell: Tell) -> None:
    """Relative to the largest number of each tensor."""
    torch.backends.cudnn.allow_tf32 = False  # fp32 is to be fp32
    tell("sampling", choose("auto", device()))
    right = _step(torch.device("cpu"), torch.float64)
    for name, dtype, autocast, limit in (
        ("fp64", torch.float64, False, 1e-8),
        ("fp32", torch.float32, False, 1e-2),
        ("bf16", torch.float32, True, 5e-2),
    ):
        loss, boxes, gradient = _step(device(), dtype, autocast=autocast)
        tell(f"{name}, loss", abs(loss / right[0] - 1), at_most=limit)
        if not autocast:  # in bf16 tokens of almost equal rank swap places: other queries find the same
            tell(f"{name}, boxes", float((boxes - right[1]).abs().max()), at_most=limit)
            tell(f"{name}, gradient", float((gradient - right[2]).norm() / right[2].norm()), at_most=limit)
    _golden_losses(dry, tell)


def _step(on: torch.device, dtype: torch.dtype, *, autocast: bool = False) -> tuple[float, Tensor, Tensor]:
    """Loss, boxes and the whole gradient of the small model in training."""
    model = build_small().to(on, dtype).train()
    images, mask = make_batch(SIZES)
    made = make_targets([2, 5])
    targets: list[Target] = [{"labels": each["labels"].to(on), "boxes": each["boxes"].to(on)} for each in made]
    criterion = Criterion(model.config)
    with torch.autocast(on.type, torch.bfloat16, enabled=autocast):
        outputs = model(images.to(on, dtype), mask.to(on), targets, _RecordedDraws())
    total = criterion.total(criterion(outputs, targets))
    torch.autograd.backward(total)
    gradients = [x.grad.double().flatten().cpu() for x in model.parameters() if x.grad is not None]
    return total.item(), outputs["pred_boxes"].detach().double().cpu(), torch.cat(gradients)


def _golden_losses(dry: bool, tell: Tell) -> None:
    """The losses that a test compares on the CPU."""
    recorded = json.loads(golden.GOLDEN.read_text())
    steps = DRY_STEPS if dry else len(recorded)
    with tempfile.TemporaryDirectory() as folder, mock.patch("training_code.dino.model.RandomDraws", _HostDraws):
        write_dataset(Path(folder))
        losses = golden.train_tiny(Path(folder), device=device(), steps=steps)
    apart = max(abs(a / b - 1) for a, b in zip(losses, recorded[:steps], strict=True))
    tell(f"the recorded losses of {steps} steps in fp64", apart, at_most=golden.TOLERANCE)
