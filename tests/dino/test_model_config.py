"""The configuration: impossible combinations are refused in a sentence, and reading it needs no PyTorch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError

import pytest

from training_code.config_checks import ConfigError
from training_code.model_config import ModelConfig
from training_code.recipes import RECIPES


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"num_classes": 0}, "num_classes"),
        ({"num_queries": 0}, "num_queries"),
        ({"d_model": 100}, "d_model"),
        ({"d_model": 96, "num_heads": 5}, "num_heads"),
        ({"num_levels": 2}, "num_levels"),
        ({"backbone_blocks": (3, 4, 6)}, "backbone_blocks"),
        ({"backbone_blocks": (3, 0, 6, 3)}, "backbone_blocks"),
        ({"backbone_norm": "batch_norm"}, "backbone_norm"),
        ({"backbone_norm": "group_norm"}, "freeze_stem"),
        ({"backbone_norm": "group_norm", "freeze_stem": False, "backbone_width": 12}, "backbone_width"),
        ({"dn_number": -1}, "dn_number"),
        ({"dn_label_noise": 3.0}, "dn_label_noise"),
        ({"dn_box_noise": -0.1}, "dn_box_noise"),
        ({"num_classes": 3, "dn_labelbook_size": 2}, "dn_labelbook_size"),
        ({"cost_class": 0.0, "cost_bbox": 0.0, "cost_giou": 0.0}, "costs"),
        ({"loss_giou": -1.0}, "loss_giou must be at least 0"),
        ({"focal_alpha": 1.5}, "focal_alpha"),
        ({"position_temperature": 0.0}, "position_temperature"),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refusal:
        ModelConfig(**fields)  # type: ignore[arg-type]
    message = str(refusal.value)
    assert message.endswith(".") and "\n" not in message


def test_room_wall_is_the_papers_model() -> None:
    assert set(RECIPES) == {"room_wall", "tiny"}
    assert RECIPES["room_wall"].model.with_classes(91) == ModelConfig()
    assert RECIPES["room_wall"].training.epochs == 5


def test_a_configuration_cannot_change_after_it_was_checked() -> None:
    with pytest.raises(FrozenInstanceError):
        ModelConfig().num_classes = 2  # type: ignore[misc]


def test_reading_the_recipes_needs_the_standard_library_only() -> None:
    code = "import training_code.recipes, sys; sys.exit(any(m in sys.modules for m in ('torch', 'numpy', 'boto3')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
