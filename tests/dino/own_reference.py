"""What the project's own reference holds, and the command that writes it again.

    python -m tests.dino.own_reference

writes reference.json from the present code. Do so only after this implementation has been shown equal to the upstream
references (test_upstream_parity.py).

All of it is computed in fp64. In fp32 processors round differently, ReLUs near zero then switch, and gradients move by
percents; in fp64 they agree to about 1e-13.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from tests.dino.small_dino import SMALL, FixedDraws, build_small, make_batch, make_targets, run_step
from training_code.model_config import ModelConfig

FILE = Path(__file__).parent / "reference.json"
FULL_SIZE = ModelConfig(num_classes=3, num_queries=24)

Numbers = dict[str, list[float]]


def forward_pass() -> Numbers:
    """The full-size model's answers, by layer, for two images of odd and different sizes."""
    model = build_small(FULL_SIZE).double().eval()
    images, mask = make_batch([(101, 131), (80, 96)])
    with torch.no_grad():
        outputs = model(images.double(), mask)
    layers = {"interm": outputs["interm_outputs"], "first": outputs["aux_outputs"][0], "last": outputs}
    return {f"{name}.{key}": _rounded(layers[name][key]) for name in layers for key in ("pred_logits", "pred_boxes")}


def training_step() -> dict[str, Numbers]:
    """Losses, gradients (norm and projection onto a ramp) and denoising tensors of the small model."""
    model = build_small(replace(SMALL, dn_number=12, dn_label_noise=1.0)).double()
    images, mask = make_batch([(101, 131), (80, 96)])
    outputs, losses = run_step(model, images.double(), mask, make_targets([2, 5]), FixedDraws())
    queries = outputs["dn_outputs"]["queries"]
    return {
        "losses": {name: _rounded(value) for name, value in losses.items()},
        "gradients": {n: _summary(p.grad) for n, p in model.named_parameters() if p.grad is not None},
        "denoising": {"labels": _rounded(queries.labels.double()), "boxes": _rounded(queries.box_logits)},
    }


def _summary(gradient: Tensor) -> list[float]:
    flat = gradient.flatten()
    return _rounded(torch.stack([flat.norm(), (flat * torch.linspace(-1, 1, len(flat), dtype=flat.dtype)).sum()]))


def _rounded(values: Tensor) -> list[float]:
    """Twelve digits: a thousand times finer than the comparison."""
    return [float(f"{value:.12g}") for value in values.detach().flatten().tolist()]


if __name__ == "__main__":
    FILE.write_text(json.dumps({"forward": forward_pass(), "training": training_step()}, indent=0) + "\n")
    sys.stdout.write(f"{FILE}: {FILE.stat().st_size:,} bytes\n")
