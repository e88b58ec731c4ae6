"""Detections from the model's outputs: the best pairs of query and class, in pixels, as PyTorch counts them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from prediction.backends.torch_backend import run_model
from prediction.detection import Detections, Floats, best_detections
from training_code.dino.boxes import cxcywh_to_xyxy
from training_code.dino.model import build_model
from training_code.recipes import RECIPES


def array(values: Any) -> Floats:
    return np.array(values, dtype=np.float32)


def test_as_many_objects_are_found_as_there_are_queries() -> None:
    """900 walls on one plan, all with the same certainty; a logit that stands for no class has a higher one."""
    torch.manual_seed(5)
    model = build_model(replace(RECIPES["tiny"].model, num_queries=900).with_classes(4)).eval()
    with torch.no_grad():
        for head in model.transformer.decoder.class_embed:
            assert isinstance(head, nn.Linear)
            head.weight.zero_()
            head.bias.copy_(torch.tensor([5.0, 3.0, -3.0, 4.0]))
    found = best_detections(*run_model(model, torch.randint(256, (3, 320, 320), dtype=torch.uint8)), (640, 640), [1, 2])
    assert len(found.scores) == 900
    assert set(found.labels.tolist()) == {1}
    assert len(set(map(tuple, found.boxes.tolist()))) == 900


def test_the_best_pairs_of_query_and_class_come_first_in_pixels_of_the_image() -> None:
    logits = array([[-5.0, 2.0, -1.0], [-5.0, -2.0, 1.0]])
    boxes = array([[0.5, 0.5, 0.2, 0.4], [0.25, 0.5, 0.5, 1.0]])
    found = best_detections(logits, boxes, (200, 100), range(3))
    assert found.labels.tolist() == [1, 2]
    np.testing.assert_allclose(found.scores, torch.tensor([2.0, 1.0]).sigmoid().numpy())
    np.testing.assert_allclose(found.boxes, array([[80, 30, 120, 70], [0, 0, 100, 100]]), rtol=1e-6)
    assert [str(column.dtype) for column in found] == ["float32", "int64", "float32"]


def test_boxes_end_at_the_images_edges() -> None:
    found = best_detections(array([[1.0]]), array([[0.1, 0.9, 0.4, 0.4]]), (100, 50), [0])
    np.testing.assert_allclose(found.boxes, array([[0, 35, 30, 50]]), rtol=1e-6)


def by_pytorch(logits: Floats, boxes: Floats, size: tuple[int, int], ids: list[int]) -> Detections:
    """DETR's own way (PostProcess, arXiv 2005.12872's code), with the boxes cut at the image's edges."""
    numbers = torch.tensor(ids)
    probability = torch.from_numpy(logits)[:, numbers].sigmoid().flatten()
    scores, best = probability.topk(min(len(logits), len(probability)))
    edges = torch.tensor([*size, *size])
    pixels = cxcywh_to_xyxy(torch.from_numpy(boxes))[best // len(ids)] * edges
    cut = pixels.clamp(min=torch.zeros(4), max=edges)
    return Detections(scores.numpy(), numbers[best % len(ids)].numpy(), cut.numpy())


@given(data=st.data(), queries=st.integers(1, 20), classes=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
def test_detections_are_those_of_pytorch(data: st.DataObject, queries: int, classes: int, seed: int) -> None:
    logits = data.draw(arrays(np.float32, (queries, classes), elements=st.floats(-100, 15, width=32)))
    ids = data.draw(st.lists(st.integers(0, classes - 1), min_size=1, unique=True).map(sorted))
    boxes = np.random.default_rng(seed).random((queries, 4), dtype=np.float32)
    found, expected = best_detections(logits, boxes, (640, 481), ids), by_pytorch(logits, boxes, (640, 481), ids)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-6, atol=1e-37)
    assert (np.diff(found.scores) <= 0).all()
    # Equal scores have no order, and the last of them no claim to the last place.
    worst = expected.scores[-1]
    assert rows(found, worst) == rows(expected, worst)


def rows(found: Detections, worst: float) -> list[tuple[float, ...]]:
    """What is certainly better than `worst`: label and box, bit by bit."""
    sure = found.scores > worst * 1.000001
    return sorted(
        (float(label), *box) for label, box in zip(found.labels[sure], found.boxes[sure].tolist(), strict=True)
    )
