"""Hungarian matching: the cheapest pairs, for any number of boxes and for any logits."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.optimize import linear_sum_assignment

from tests.dino.small_dino import SMALL, make_targets
from training_code.dino.boxes import cxcywh_to_xyxy, generalised_iou
from training_code.dino.matcher import match, matching_cost


def predictions(layers: int, images: int, queries: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(3)
    boxes = torch.rand(layers, images, queries, 4) * 0.5 + 0.25
    return torch.randn(layers, images, queries, 3), boxes


def test_each_layer_and_image_gets_its_own_cheapest_assignment() -> None:
    logits, boxes = predictions(layers=2, images=3)
    targets = make_targets([4, 0, 7])
    matches = match(logits, boxes, targets, SMALL)
    for layer in range(2):
        for image, target in enumerate(targets):
            own = matches.image[layer] == image
            cost = _plain_cost(logits[layer, image], boxes[layer, image], target["labels"], target["boxes"])
            queries, indices = linear_sum_assignment(cost.numpy())
            assert matches.query[layer][own].tolist() == queries.tolist()
            assert matches.target[layer][own].tolist() == indices.tolist()


def test_an_image_with_more_boxes_than_queries_uses_every_query() -> None:
    logits, boxes = predictions(layers=1, images=1, queries=5)
    matches = match(logits, boxes, make_targets([9]), SMALL)
    assert sorted(matches.query[0].tolist()) == list(range(5)) and len(set(matches.target[0].tolist())) == 5


@pytest.mark.parametrize("counts", [[0, 0], []])
def test_without_boxes_nothing_is_matched(counts: list[int]) -> None:
    logits, boxes = predictions(layers=2, images=len(counts))
    assert match(logits, boxes, make_targets(counts), SMALL).query.shape == (2, 0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_focal_cost_of_extreme_logits_stays_finite(dtype: torch.dtype) -> None:
    logits, boxes = predictions(layers=1, images=1)
    extreme = (logits * 1000).to(dtype)
    assert matching_cost(extreme, boxes.to(dtype), make_targets([3]), SMALL).isfinite().all()


def test_logits_that_are_not_numbers_reach_the_loss_instead_of_ending_the_matching() -> None:
    logits, boxes = predictions(layers=1, images=1)
    assert match(logits * math.nan, boxes, make_targets([3]), SMALL).query.shape == (1, 3)


def _plain_cost(
    logits: torch.Tensor, boxes: torch.Tensor, labels: torch.Tensor, true_boxes: torch.Tensor
) -> torch.Tensor:
    """The paper's cost of every query and box of one image, term by term."""
    cost = torch.zeros(len(logits), len(labels))
    for q, query_logits in enumerate(logits):
        for t, label in enumerate(labels):
            p = query_logits[label].sigmoid()
            focal = -0.25 * (1 - p) ** 2 * p.log() + 0.75 * p**2 * (1 - p).log()
            l1 = (boxes[q] - true_boxes[t]).abs().sum()
            giou = generalised_iou(cxcywh_to_xyxy(boxes[q]), cxcywh_to_xyxy(true_boxes[t]))
            cost[q, t] = 2 * focal + 5 * l1 - 2 * giou
    return cost
