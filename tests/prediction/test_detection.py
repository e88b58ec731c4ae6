"""A model finds as many objects as it has queries."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from prediction.detection import detect
from training_code.dino.model import build_model
from training_code.recipes import RECIPES


def test_as_many_objects_are_found_as_there_are_queries() -> None:
    """900 walls on one plan, all with the same certainty; a logit that stands for no class has a higher one."""
    torch.manual_seed(5)
    model = build_model(replace(RECIPES["tiny"].model, num_queries=900).with_classes(4)).eval()
    with torch.no_grad():
        for head in model.transformer.decoder.class_embed:
            assert isinstance(head, nn.Linear)
            head.weight.zero_()
            head.bias.copy_(torch.tensor([5.0, 3.0, -3.0, 4.0]))
    found = detect(model, torch.randn(3, 320, 320), (640, 640), [1, 2])
    assert len(found["scores"]) == 900
    assert set(found["labels"].tolist()) == {1}
    assert len(set(map(tuple, found["boxes"].tolist()))) == 900
