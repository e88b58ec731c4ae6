"""What a paid run trains with: the values of the paper (arXiv 2203.03605, appendix D), and where each rate applies.

A change of one of them is a decision, to be made here as well.
"""

from __future__ import annotations

from dataclasses import asdict

import pytest

from training_code.config import TrainingConfig
from training_code.dino.model import build_model
from training_code.loop.optimisation import make_optimiser, set_learning_rate
from training_code.model_config import Architecture
from training_code.recipes import RECIPES

ROOM_WALL = RECIPES["room_wall"]


def test_room_wall_is_the_papers_model() -> None:
    expected = {
        "num_queries": 900,
        "d_model": 256,
        "num_heads": 8,
        "feedforward_dim": 2048,
        "encoder_layers": 6,
        "decoder_layers": 6,
        "num_levels": 4,
        "num_points": 4,
        "backbone_blocks": (3, 4, 6, 3),
        "backbone_width": 64,
        "backbone_norm": "frozen_batch_norm",
        "freeze_stem": True,
        "position_temperature": 20,
        "dn_number": 100,
        "dn_label_noise": 0.5,
        "dn_box_noise": 1.0,
        "cost_class": 2.0,
        "cost_bbox": 5.0,
        "cost_giou": 2.0,
        "loss_class": 1.0,
        "loss_bbox": 5.0,
        "loss_giou": 2.0,
        "loss_interm": 1.0,
        "focal_alpha": 0.25,
        "focal_gamma": 2.0,
    }
    assert asdict(ROOM_WALL.model).items() >= expected.items()


def test_room_wall_is_trained_as_in_the_paper() -> None:
    expected = {
        "batch_size": None,  # measured, with the paper's rates up to the paper's images an update
        "accumulation_steps": 1,
        "learning_rate": 1e-4,
        "backbone_learning_rate": 1e-5,
        "weight_decay": 1e-4,
        "clip_norm": 0.1,
        "schedule": "step",
        "lr_drop_epoch": None,
        "warmup_steps": 0,
        "ema_decay": 0.0,
        "image_short_sides": (480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800),
        "image_max_side": 1333,
        "crop_short_sides": (400, 500, 600),
        "crop_sides": (384, 600),
        "horizontal_flip": True,
    }
    assert asdict(ROOM_WALL.training).items() >= expected.items()


def test_room_wall_is_augmented_as_suits_plans() -> None:
    """Beyond the paper's flip and crop; `tiny` has none of it, so that it learns in the demo's time."""
    names = ("vertical_flip", "quarter_turns", "scale_jitter", "colour_jitter", "line_jitter")
    assert [getattr(ROOM_WALL.training, name) for name in names] == [True, True, 0.2, 0.3, 0.5]
    assert [getattr(RECIPES["tiny"].training, name) for name in names] == [False, False, 0, 0, 0]


def test_a_run_that_is_paid_for_is_watched_and_saved() -> None:
    """An evaluation and a checkpoint an epoch; stalled after 20 minutes, judged after ten."""
    training = ROOM_WALL.training
    assert (training.evaluation_epochs, training.checkpoint_epochs) == (1, 1)
    assert (training.stall_minutes, training.health_minutes) == (20, 10)
    assert (training.precision, training.workers) == ("bf16", 4)


SMALL = Architecture(
    num_queries=4,
    d_model=32,
    num_heads=4,
    feedforward_dim=16,
    encoder_layers=1,
    decoder_layers=1,
    backbone_blocks=(1, 1, 1, 1),
    backbone_width=8,
)


def test_the_backbone_has_its_own_rate_and_everything_decays() -> None:
    model = build_model(SMALL.with_classes(3))
    config = TrainingConfig(learning_rate=3e-4, backbone_learning_rate=2e-5, weight_decay=0.07)
    groups = make_optimiser(model, config).param_groups
    rates = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert rates.pop(id(parameter)) == (2e-5 if name.startswith("backbone.") else 3e-4), name
    assert not rates, "the frozen stem is left alone"
    assert [group["weight_decay"] for group in groups] == [0.07, 0.07]


def test_the_schedule_keeps_the_rates_apart() -> None:
    optimiser = make_optimiser(build_model(SMALL.with_classes(3)), ROOM_WALL.training)
    for factor in (1.0, 0.1, 0.5):
        assert set_learning_rate(optimiser, factor) == pytest.approx(1e-4 * factor)
        assert [group["lr"] for group in optimiser.param_groups] == pytest.approx([1e-4 * factor, 1e-5 * factor])
