"""Detections from outputs: the best pairs of query and class, in pixels."""

from __future__ import annotations

import torch

from training_code.dino.outputs import Prediction
from training_code.dino.post_processing import post_process


def test_best_pairs_of_query_and_class_come_first_in_pixels_of_each_image() -> None:
    outputs: Prediction = {
        "pred_logits": torch.tensor([[[-5.0, 2.0, -1.0], [-5.0, -2.0, 1.0]]]).repeat(2, 1, 1),
        "pred_boxes": torch.tensor([[[0.5, 0.5, 0.2, 0.4], [0.25, 0.5, 0.5, 1.0]]]).repeat(2, 1, 1),
    }
    first, second = post_process(outputs, torch.tensor([[100, 200], [10, 20]]), num_select=2)
    assert first["labels"].tolist() == [1, 2]
    torch.testing.assert_close(first["scores"], torch.tensor([2.0, 1.0]).sigmoid())
    torch.testing.assert_close(first["boxes"], torch.tensor([[80.0, 30, 120, 70], [0, 0, 100, 100]]))
    torch.testing.assert_close(second["boxes"], first["boxes"] / 10)


def test_fewer_pairs_than_asked_for_are_all_given() -> None:
    outputs: Prediction = {"pred_logits": torch.randn(1, 4, 3), "pred_boxes": torch.rand(1, 4, 4)}
    (detections,) = post_process(outputs, torch.tensor([[50, 50]]), num_select=300)
    assert len(detections["scores"]) == 12
    assert detections["scores"].diff().le(0).all()
