"""Weights that leave a backbone random under frozen norms are refused before a step is paid for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from training_code.dino.model import DINO, build_model
from training_code.job.failures import JobConfigError
from training_code.job.starting_weights import load_starting_weights
from training_code.recipes import RECIPES

BODY = "backbone.0.body."
FROZEN = replace(RECIPES["tiny"].model, backbone_norm="frozen_batch_norm", freeze_stem=True).with_classes(3)
State = dict[str, Tensor]


def load(channel: Path, content: Mapping[str, object], model: DINO | None = None) -> tuple[bool, str]:
    """What load_starting_weights returns and says for a file with this content."""
    torch.save(dict(content), channel / "weights.pth")
    lines: list[str] = []
    trained = load_starting_weights(model or build_model(FROZEN), channel, {"wall": 1, "room": 2}, lines.append)
    return trained, "\n".join(lines)


def swin(state: State) -> State:
    other = {name: value for name, value in state.items() if not name.startswith(("backbone.", "input_proj."))}
    return other | {"backbone.0.patch_embed.proj.weight": torch.zeros(3)}


def detrex(state: State) -> State:
    return {
        name.replace(f"{BODY}layer", "backbone.res").replace(f"{BODY}conv1", "backbone.stem.conv1"): value
        for name, value in state.items()
    }


def shallow_resnet(state: State) -> State:
    """ResNet-18 and -34 have two convolutions a block: the stem and the stages' names are the same."""
    body = {name.removeprefix(BODY): value for name, value in state.items() if name.startswith(BODY)}
    return {name: value for name, value in body.items() if "conv3" not in name and "bn3" not in name}


def one_tensor_short(state: State) -> State:
    return {name: value for name, value in state.items() if name != f"{BODY}layer4.0.bn2.running_var"}


def another_width(state: State) -> State:
    return state | {f"{BODY}layer3.0.conv2.weight": torch.zeros(7, 7, 3, 3)}


@pytest.mark.parametrize("change", [swin, detrex, shallow_resnet, one_tensor_short, another_width])
def test_frozen_norms_need_the_whole_backbone(tmp_path: Path, change: Callable[[State], State]) -> None:
    with pytest.raises(
        JobConfigError, match=r"weights\.pth lacks .* of the model's backbone, such as backbone\.0\.body"
    ):
        load(tmp_path, change(build_model(FROZEN).state_dict()))


def test_a_deeper_backbone_is_not_cut_to_size(tmp_path: Path) -> None:
    """ResNet-101 and -152 have all tensors of ResNet-50, by name and shape."""
    deeper = build_model(replace(FROZEN, backbone_blocks=(1, 1, 3, 1))).state_dict()
    with pytest.raises(JobConfigError, match=r"has 30 tensors more than the model's backbone, such as .*layer3\.1\."):
        load(tmp_path, deeper)


def to_int8(weight: Tensor) -> Tensor:
    return (weight * 127).to(torch.int8)


def to_sparse(weight: Tensor) -> Tensor:
    return weight.to_sparse()


def to_complex(weight: Tensor) -> Tensor:
    return weight.to(torch.complex64)


@pytest.mark.parametrize("change", [to_int8, to_sparse, to_complex, lambda weight: weight.to("meta")])
def test_tensors_that_are_not_plain_numbers_are_refused(tmp_path: Path, change: Callable[[Tensor], Tensor]) -> None:
    name = f"{BODY}conv1.weight"
    state = build_model(FROZEN).state_dict()
    with pytest.raises(JobConfigError, match=r"tensor backbone\.0\.body\.conv1\.weight is not one of plain"):
        load(tmp_path, state | {name: change(state[name])})


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_floating_point_numbers_of_any_width_are_taken(tmp_path: Path, kind: torch.dtype) -> None:
    state = build_model(FROZEN).state_dict()
    assert load(tmp_path, {name: value.to(kind) for name, value in state.items()})[0]


def test_a_resnet_alone_is_enough_but_no_trained_model(tmp_path: Path) -> None:
    state = build_model(FROZEN).state_dict()
    body = {name.removeprefix(BODY): value for name, value in state.items() if name.startswith(BODY)}
    trained, said = load(tmp_path, {"state_dict": {f"module.{name}": value for name, value in body.items()}})
    assert not trained
    assert f"{len(body)} of the model's {len(state)} tensors" in said


def test_a_model_with_all_its_heads_is_a_trained_one(tmp_path: Path) -> None:
    state = build_model(FROZEN).state_dict()
    assert load(tmp_path, {"model": state})[0]
    other_classes = build_model(replace(FROZEN, num_classes=91)).state_dict()
    assert not load(tmp_path, {"model": other_classes})[0]


def test_a_tensors_name_forges_no_line_of_the_log(tmp_path: Path) -> None:
    state = build_model(FROZEN).state_dict()
    forged = "x\n[train] step=9/9 epoch=1 loss=0\x1b[2J"
    _, said = load(tmp_path, state | {forged: torch.zeros(1)})
    assert said.splitlines()[-1] == r"  unused   x\n[train] step=9/9 epoch=1 loss=0\x1b[2J"


def test_norms_that_learn_do_not_need_the_backbone(tmp_path: Path) -> None:
    model = build_model(RECIPES["tiny"].model.with_classes(3))
    trained, said = load(tmp_path, swin(model.state_dict()), model)
    assert not trained
    assert "left     backbone" in said
