"""Every configuration that is allowed trains and detects: few and many classes and queries, no boxes, no noise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from prediction.detection import best_detections
from tests.dino.small_dino import SMALL, build_small, make_batch, make_targets
from training_code.dino.criterion import Criterion


@pytest.mark.parametrize(
    ("fields", "counts", "sizes"),
    [
        ({"num_classes": 1, "num_queries": 10}, [2, 3], [(64, 96), (64, 96)]),
        ({"num_classes": 2, "num_queries": 900}, [3, 7], [(101, 131), (80, 97)]),
        ({"num_classes": 365, "num_queries": 10}, [0, 4], [(65, 33), (33, 65)]),
        ({"num_classes": 2, "dn_labelbook_size": 91}, [1, 12], [(96, 64), (77, 91)]),
        ({"dn_number": 0}, [2, 5], [(64, 64), (65, 66)]),
        ({"dn_number": 20}, [30, 1], [(64, 64), (64, 96)]),
        ({"dn_number": 20}, [0, 0], [(64, 64), (64, 96)]),
        ({"dn_label_noise": 0.0, "dn_box_noise": 0.0}, [2, 5], [(64, 96), (96, 64)]),
        ({"num_levels": 5, "num_points": 1, "decoder_layers": 1, "encoder_layers": 1}, [2, 2], [(64, 96), (96, 64)]),
    ],
)
def test_a_step_is_finite_and_the_best_detections_are_given(
    fields: dict[str, Any], counts: list[int], sizes: list[tuple[int, int]]
) -> None:
    config = replace(SMALL, **fields)
    model, criterion = build_small(config).train(), Criterion(config)
    targets = make_targets(counts, classes=config.num_classes)
    outputs = model(*make_batch(sizes), targets)
    losses = criterion(outputs, targets)
    assert set(losses) == set(criterion.weights)
    torch.autograd.backward(criterion.total(losses))
    gradients = [parameter.grad for parameter in model.parameters() if parameter.requires_grad]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
    queries = outputs["pred_boxes"].shape[1]  # small images have fewer tokens than 900
    assert 0 < queries <= config.num_queries
    for image, (height, width) in enumerate(sizes):
        logits, boxes = (outputs[name][image].detach().numpy() for name in ("pred_logits", "pred_boxes"))
        found = best_detections(logits, boxes, (width, height), range(config.num_classes))
        assert len(found.scores) == queries
        assert found.labels.max() < config.num_classes
