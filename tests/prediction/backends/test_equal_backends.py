"""Whatever runs a model finds the same, whatever the image's size."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image, ImageDraw

from prediction.backends.choice import PACKAGES
from prediction.backends.onnx_file import ONNX_NAME
from prediction.detection import best_detections
from prediction.export import difference
from prediction.predictor import Predictor
from tests.dino.small_dino import SMALL

SIZES = [(64, 96), (96, 64), (101, 131), (160, 40), (33, 70), (7, 90), (1, 66)]
"""(height, width): of whole and of broken pixels of the coarsest scale, of one row, and too small for 12 queries."""


@pytest.fixture(scope="module")
def predictors(exported_model: Path) -> dict[str, Predictor]:
    return {name: Predictor.load(exported_model, "cpu", backend=name) for name in PACKAGES}


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_outputs_are_torchs(predictors: dict[str, Predictor], size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (3, *size), dtype=np.uint8)
    found = {}
    for name, predictor in predictors.items():
        logits, boxes = predictor.backend.run(pixels)
        assert predictor.backend.name == name
        assert logits.shape == (len(boxes), SMALL.num_classes)
        found[name] = best_detections(logits, boxes, (1000, 1000), [1, 2])
    for name in found.keys() - {"torch"}:
        apart = difference(found["torch"], found[name], 1000)
        assert apart.unmatched == 0, name
        assert apart.score < 1e-5 and apart.box < 1e-5, (name, apart)


def test_predictions_are_torchs(predictors: dict[str, Predictor]) -> None:
    plan = Image.new("L", (300, 200), 255)
    ImageDraw.Draw(plan).rectangle((40, 30, 220, 150), outline=0, width=6)
    expected = predictors["torch"].predict(plan)
    for predictor in predictors.values():
        found = predictor.predict(plan)
        assert [each.label for each in found] == [each.label for each in expected]
        assert [each.score for each in found] == pytest.approx([each.score for each in expected], abs=1e-5)
        for one, other in zip(found, expected, strict=True):
            assert one.box == pytest.approx(other.box, abs=0.01)


def test_sampling_stays_one_operation_a_scale(exported_model: Path) -> None:
    """Libraries have it ready-made; written out, it takes many times as long."""
    operations = Counter(node.op_type for node in onnx.load(exported_model / ONNX_NAME).graph.node)
    assert operations["GridSample"] == SMALL.num_levels * (SMALL.encoder_layers + SMALL.decoder_layers)


def test_nothing_is_rearranged_for_the_sampling_but_where_to_look(exported_model: Path) -> None:
    """Copies in another order took a twelfth of the time: matrix products can give values in the order wanted."""
    nodes = onnx.load(exported_model / ONNX_NAME).graph.node
    takers = {name: node.op_type for node in nodes for name in node.input}
    for attention in ("encoder/layers.1/self_attn", "decoder/layers.2/cross_attn"):
        turned = [node for node in nodes if node.op_type == "Transpose" and f"/{attention}/" in node.name]
        copied = [node for node in turned if takers[node.output[0]] not in {"MatMul", "Gemm"}]
        assert len(turned) > len(copied) <= 2, attention  # where to look: the reference and the grid


def test_positions_are_neither_taken_apart_nor_joined_wave_by_wave(exported_model: Path) -> None:
    operations = Counter(node.op_type for node in onnx.load(exported_model / ONNX_NAME).graph.node)
    assert operations["Sin"] == 1 + SMALL.decoder_layers  # the lines of all scales, and each layer's boxes
    assert operations["Cos"] == 0


def test_the_exported_model_takes_any_size(exported_model: Path) -> None:
    [image] = onnx.load(exported_model / ONNX_NAME).graph.input
    dims = image.type.tensor_type.shape.dim
    assert [each.dim_value or each.dim_param for each in dims] == [1, 3, "height", "width"]
