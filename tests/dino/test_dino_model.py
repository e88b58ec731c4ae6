"""The model: its parameters' names, its shapes for all sizes, and that padding does not matter."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.dino.small_dino import SMALL, build_small, make_batch, make_targets
from training_code.dino.model import build_model
from training_code.model_config import ModelConfig
from training_code.recipes import RECIPES

OFFICIAL_NAMES_SHA256 = "61224309d2dabd5696a1ee791ec26441073e949951e675815877157e304db69e"
"""Of the sorted lines "name shape" of the official DINO_4scale checkpoint's state_dict (91 classes)."""


def test_state_dict_has_the_official_checkpoints_names_and_shapes() -> None:
    with torch.device("meta"):
        model = build_model(ModelConfig())
    state = model.state_dict()
    assert len(state) == 626
    assert sum(parameter.numel() for parameter in model.parameters()) == 46_893_182
    assert hashlib.sha256(names_and_shapes(state).encode()).hexdigest() == OFFICIAL_NAMES_SHA256


def names_and_shapes(state: dict[str, Tensor]) -> str:
    return "\n".join(sorted(f"{name} {tuple(value.shape)}" for name, value in state.items()))


@pytest.mark.parametrize("num_classes", [1, 3, 365])
def test_every_layer_answers_for_every_query(num_classes: int) -> None:
    model = build_small(replace(SMALL, num_classes=num_classes)).eval()
    with torch.no_grad():
        outputs = model(*make_batch([(97, 131), (64, 70)]))
    answers = [outputs, outputs["interm_outputs"], *outputs["aux_outputs"]]
    assert len(answers) == 1 + SMALL.decoder_layers
    for answer in answers:
        assert answer["pred_logits"].shape == (2, 12, num_classes)
        assert answer["pred_boxes"].shape == (2, 12, 4)
        assert ((answer["pred_boxes"] >= 0) & (answer["pred_boxes"] <= 1)).all()


@pytest.mark.parametrize("size", [(1, 1), (33, 31), (20, 333)])
def test_images_too_small_for_all_queries_get_fewer(size: tuple[int, int]) -> None:
    model = build_small(replace(SMALL, num_queries=300, d_model=64)).train()
    outputs = model(*make_batch([size]), make_targets([2]))
    assert 0 < outputs["pred_boxes"].shape[1] < 300
    assert outputs["pred_boxes"].isfinite().all() and outputs["pred_logits"].isfinite().all()


def test_denoising_happens_in_training_only() -> None:
    model = build_small()
    batch, targets = make_batch([(96, 96)]), make_targets([4])
    assert "dn_outputs" in model.train()(*batch, targets)
    assert "dn_outputs" not in model(*batch)
    assert "dn_outputs" not in model.eval()(*batch, targets)


def test_denoising_queries_do_not_change_the_answers_of_the_others() -> None:
    model = build_small().train()
    batch, targets = make_batch([(64, 96), (80, 64)]), make_targets([1, 4])
    with torch.no_grad():
        plain, denoising = model(*batch), model(*batch, targets)
    torch.testing.assert_close(denoising["pred_boxes"], plain["pred_boxes"], atol=1e-5, rtol=0)
    torch.testing.assert_close(denoising["pred_logits"], plain["pred_logits"], atol=1e-4, rtol=0)


def feature_maps(height: int, width: int) -> tuple[list[Tensor], Tensor]:
    torch.manual_seed(7)
    mask = torch.zeros(1, height, width, dtype=torch.bool)
    return [torch.randn(1, SMALL.d_model, height // s, width // s) for s in (8, 16, 32, 64)], mask


def answers(maps: list[Tensor], mask: Tensor) -> tuple[Tensor, Tensor]:
    """The encoder's answer and the last decoder layer's, each (1, N, C + 4)."""
    with torch.no_grad():
        predictions, selected = build_small().eval().transformer(maps, mask, None)
    encoder = torch.cat([selected.logits, selected.box_logits.sigmoid()], dim=-1)
    return encoder, torch.cat([each[-1] for each in predictions], dim=-1)


def test_the_amount_of_padding_does_not_change_the_encoders_answer() -> None:
    """The decoder's does change a little: the reference encodes query positions as shares of the padded image."""
    maps, mask = feature_maps(128, 192)
    strides = (8, 16, 32, 64)
    pad = torch.nn.functional.pad
    padded_maps = [pad(m, (0, 128 // s, 0, 64 // s)) for m, s in zip(maps, strides, strict=True)]
    padded, _ = answers(padded_maps, pad(mask, (0, 128, 0, 64), value=True))
    torch.testing.assert_close(padded, answers(maps, mask)[0], atol=1e-4, rtol=0)


def test_what_lies_in_the_padding_changes_no_answer() -> None:
    maps, mask = feature_maps(128, 192)
    mask[:, 64:] = True
    other = [m.masked_fill(functional.interpolate(mask[:, None].float(), size=m.shape[2:]).bool(), 5.0) for m in maps]
    assert any((a != b).any() for a, b in zip(maps, other, strict=True))
    torch.testing.assert_close(answers(other, mask), answers(maps, mask), atol=1e-4, rtol=0)


def test_activation_checkpointing_changes_memory_and_not_gradients() -> None:
    batch = make_batch([(64, 96)])
    gradients = []
    for recompute in (False, True):
        model = build_model(SMALL, activation_checkpointing=recompute).train()
        model.load_state_dict(build_small().state_dict())
        outputs = model(*batch)
        torch.autograd.backward(outputs["pred_boxes"].sum() + outputs["pred_logits"].sum())
        gradients.append([p.grad for p in model.parameters() if p.grad is not None])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(recomputed, plain)


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_fresh_model_starts_as_the_paper_says(name: str) -> None:
    model = build_model(RECIPES[name].model.with_classes(3))
    state = model.state_dict()
    torch.testing.assert_close(state["class_embed.0.bias"].sigmoid(), torch.full((3,), 0.01))
    assert not state["bbox_embed.0.layers.2.weight"].any() and not state["bbox_embed.0.layers.2.bias"].any()
    offsets = "transformer.encoder.layers.0.self_attn.sampling_offsets"
    assert not state[f"{offsets}.weight"].any()
    ring = state[f"{offsets}.bias"].view(8, 4, -1, 2)
    torch.testing.assert_close(ring[0, :, 1], torch.tensor([2.0, 0.0]).expand(4, 2))
    torch.testing.assert_close(ring[3, :, 1], torch.tensor([-2.0, 2.0]).expand(4, 2))
    assert model.class_embed[0] is model.transformer.decoder.class_embed[1]
