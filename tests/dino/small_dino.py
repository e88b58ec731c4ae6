"""A small DINO with weights made from their names, images and targets: what the tests of the model share."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from training_code.dino.criterion import Criterion
from training_code.dino.denoising import Draws
from training_code.dino.model import DINO, build_model
from training_code.dino.outputs import Outputs, Target
from training_code.model_config import ModelConfig

SMALL = ModelConfig(
    num_classes=3,
    num_queries=12,
    d_model=32,
    num_heads=4,
    feedforward_dim=48,
    encoder_layers=2,
    decoder_layers=3,
    backbone_blocks=(1, 1, 1, 1),
    backbone_width=8,
    dn_number=10,
)


def build_small(config: ModelConfig = SMALL) -> DINO:
    """A model of `config` with weights that depend on nothing but their names and shapes."""
    model = build_model(config)
    model.load_state_dict(weights_by_name(model))
    return model


def run_step(
    model: DINO, images: Tensor, mask: Tensor, targets: Sequence[Target], draws: Draws
) -> tuple[Outputs, dict[str, Tensor]]:
    """Forward and backward pass in training mode: the outputs and the unweighted losses."""
    criterion = Criterion(model.config)
    outputs = model.train()(images, mask, targets, draws)
    losses = criterion(outputs, targets)
    torch.autograd.backward(criterion.total(losses))
    return outputs, losses


def weights_by_name(model: torch.nn.Module) -> dict[str, Tensor]:
    """One value for every entry of the model's state_dict; tensors that the model shares get the same one."""
    made: dict[int, Tensor] = {}
    weights = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in made:
            made[id(tensor)] = _draw(name, tuple(tensor.shape))
        weights[name] = made[id(tensor)]
    _sink_unusable_tokens(weights)
    return weights


def _sink_unusable_tokens(weights: dict[str, Tensor]) -> None:
    """Push the one score that all padded tokens share below all others, or ties would decide which are selected."""
    parts = ("enc_output.bias", "enc_output_norm.weight", "enc_output_norm.bias", "enc_out_class_embed.weight")
    zero, scale, shift, head = (weights[f"transformer.{part}"].double() for part in parts)
    judged = torch.nn.functional.layer_norm(zero, zero.shape, scale, shift)
    head -= (head @ judged + 12)[:, None] * judged / (judged @ judged)
    weights["transformer.enc_out_class_embed.weight"].copy_(head)


def make_batch(sizes: Sequence[tuple[int, int]], seed: int = 0) -> tuple[Tensor, Tensor]:
    """Images (B, 3, H, W) of the given (height, width), padded to the largest, and their mask, True = padding."""
    height, width = max(h for h, _ in sizes), max(w for _, w in sizes)
    images, mask = torch.zeros(len(sizes), 3, height, width), torch.ones(len(sizes), height, width, dtype=torch.bool)
    random = np.random.RandomState(seed)
    for number, (h, w) in enumerate(sizes):
        images[number, :, :h, :w] = torch.from_numpy(random.standard_normal((3, h, w)).astype(np.float32))
        mask[number, :h, :w] = False
    return images, mask


def make_targets(counts: Sequence[int], classes: int = 3, seed: int = 0) -> list[Target]:
    """`counts` boxes an image, well inside it."""
    random = np.random.RandomState(100 + seed)
    targets: list[Target] = []
    for count in counts:
        sizes = random.uniform(0.1, 0.4, (count, 2))
        centres = sizes / 2 + random.uniform(0, 1, (count, 2)) * (1 - sizes)
        boxes = np.concatenate([centres, sizes], axis=1).astype(np.float32).reshape(count, 4)
        labels = random.randint(0, classes, count).astype(np.int64)
        targets.append({"labels": torch.from_numpy(labels), "boxes": torch.from_numpy(boxes)})
    return targets


class FixedDraws:
    """Denoising draws that are the same on every machine and version."""

    def __init__(self) -> None:
        self._random = np.random.RandomState(5)

    def flip_chances(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        return self._uniform(shape).to(like)

    def new_labels(self, flips: Tensor, num_classes: int) -> Tensor:
        return torch.from_numpy(self._random.randint(0, num_classes, tuple(flips.shape)).astype(np.int64))

    def signs(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        return (self._uniform(shape) < 0.5).to(like) * 2 - 1

    def magnitudes(self, shape: tuple[int, ...], like: Tensor) -> Tensor:
        return self._uniform(shape).to(like)

    def _uniform(self, shape: tuple[int, ...]) -> Tensor:
        return torch.from_numpy(self._random.uniform(size=shape).astype(np.float32))


def _draw(name: str, shape: tuple[int, ...]) -> Tensor:
    random = np.random.RandomState(zlib.crc32(name.encode()))
    normal = random.standard_normal(shape)
    if len(shape) > 1:
        gain = 2.0 if name.startswith("backbone") else 1.0
        value = normal * math.sqrt(gain / math.prod(shape[1:]))
    elif name.endswith("running_var") or (("norm" in name or ".bn" in name) and name.endswith("weight")):
        value = 1 + 0.3 * np.tanh(normal)
    elif "sampling_offsets" in name:
        value = 2 * normal
    elif "class_embed" in name:
        value = 0.5 * normal - 3
    else:
        value = 0.1 * normal
    return torch.from_numpy(value.astype(np.float32))
