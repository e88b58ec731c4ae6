"""The losses: their names and weights, their values on cases worked out by hand, and batches without boxes."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.dino.small_dino import SMALL, build_small, make_batch, make_targets
from training_code.dino.criterion import Criterion
from training_code.dino.outputs import Outputs, Prediction, Target


def outputs_of(logits: Tensor, boxes: Tensor) -> Outputs:
    """The same answer from every layer."""
    prediction: Prediction = {"pred_logits": logits, "pred_boxes": boxes}
    layers = SMALL.decoder_layers - 1
    return {
        "pred_logits": logits,
        "pred_boxes": boxes,
        "aux_outputs": [prediction] * layers,
        "interm_outputs": prediction,
    }


def test_every_layer_has_its_losses_and_the_weights_of_the_paper() -> None:
    suffixes = ["", "_0", "_1", "_interm", "_dn", "_dn_0", "_dn_1"]
    weights = Criterion(SMALL).weights
    assert set(weights) == {f"{part}{suffix}" for part in ("loss_ce", "loss_bbox", "loss_giou") for suffix in suffixes}
    assert (weights["loss_ce_0"], weights["loss_bbox_dn"], weights["loss_giou_interm"]) == (1, 5, 2)
    interm = Criterion(replace(SMALL, loss_interm=0.5)).weights
    assert (interm["loss_bbox_interm"], interm["loss_bbox"]) == (2.5, 5)


def test_without_denoising_there_are_no_denoising_losses() -> None:
    assert not [name for name in Criterion(replace(SMALL, dn_number=0)).weights if "_dn" in name]


def test_losses_of_one_query_and_box_worked_out_by_hand() -> None:
    targets: list[Target] = [{"labels": torch.tensor([1]), "boxes": torch.tensor([[0.5, 0.5, 0.2, 0.2]])}]
    outputs = outputs_of(torch.zeros(1, 1, 3), torch.tensor([[[0.5, 0.5, 0.4, 0.2]]]))
    losses = Criterion(SMALL)(outputs, targets)
    # Every probability is 1/2: the right class weighs 1/4, the two others 3/4, each times (1/2)^2 log 2.
    assert float(losses["loss_ce"]) == pytest.approx((0.25 + 2 * 0.75) * 0.25 * math.log(2))
    assert float(losses["loss_bbox_0"]) == pytest.approx(0.2)
    assert float(losses["loss_giou_interm"]) == pytest.approx(1 - 0.5, abs=1e-4)  # half of the hull is shared


def test_losses_are_averaged_over_boxes_and_an_image_without_any_adds_background_only() -> None:
    torch.manual_seed(0)
    logits, boxes = torch.randn(2, 12, 3), torch.rand(2, 12, 4) * 0.4 + 0.3
    both = Criterion(SMALL)(outputs_of(logits, boxes), make_targets([4, 0]))
    alone = Criterion(SMALL)(outputs_of(logits[:1], boxes[:1]), make_targets([4]))
    empty = Criterion(SMALL)(outputs_of(logits[1:], boxes[1:]), make_targets([0]))
    assert float(both["loss_bbox"]) == pytest.approx(float(alone["loss_bbox"]), rel=1e-5)
    assert float(both["loss_ce"]) == pytest.approx(float(alone["loss_ce"]) + float(empty["loss_ce"]) / 4, rel=1e-5)


@pytest.mark.parametrize("counts", [[0, 0], [0, 4], [3, 14]])
def test_every_trained_parameter_gets_a_finite_gradient_whatever_the_boxes(counts: list[int]) -> None:
    model = build_small().train()
    criterion = Criterion(SMALL)
    images, mask = make_batch([(64, 96), (96, 80)])
    targets = make_targets(counts)
    losses = criterion(model(images, mask, targets), targets)
    assert set(losses) == set(criterion.weights)
    total = criterion.total(losses)
    torch.autograd.backward(total)
    assert total.isfinite()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
        assert parameter.grad is None or parameter.grad.isfinite().all(), name
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert all(name.startswith(("backbone.0.body.conv1", "backbone.0.body.layer1")) for name in frozen) and frozen


def test_number_of_boxes_is_the_mean_over_the_processes() -> None:
    torch.manual_seed(0)
    outputs = outputs_of(torch.randn(1, 12, 3), torch.rand(1, 12, 4) * 0.4 + 0.3)
    alone = Criterion(SMALL)(outputs, make_targets([4]))
    together = Criterion(SMALL, lambda count: (count + 8) / 2)(outputs, make_targets([4]))  # the other one has 8 boxes
    assert float(together["loss_bbox"]) == pytest.approx(float(alone["loss_bbox"]) * 4 / 6)


def test_losses_under_autocast_are_fp32_and_near_the_exact_ones() -> None:
    model = build_small().train()
    images, mask = make_batch([(64, 96)])
    targets = make_targets([4])
    criterion = Criterion(SMALL)
    torch.manual_seed(0)
    exact = criterion.total(criterion(model(images, mask, targets), targets))
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = model(images, mask, targets)
        rounded = criterion.total(criterion(outputs, targets))
    assert outputs["pred_boxes"].dtype == outputs["interm_outputs"]["pred_boxes"].dtype == torch.float32
    assert rounded.dtype == torch.float32 and rounded.item() == pytest.approx(exact.item(), rel=0.2)
