"""Hyperparameters, schedule and metric definitions follow their descriptions."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_origin, get_type_hints

import pytest

from training_code.config import TRAINING_RANGES, TrainingConfig
from training_code.job.failures import JobConfigError
from training_code.job.hyperparameters import parse_hyperparameters, read_hyperparameters
from training_code.job.metric_lines import METRIC_DEFINITIONS, class_line
from training_code.loop.optimisation import learning_rate_factor
from training_code.recipes import RECIPES

HINTS = get_type_hints(TrainingConfig)
FLOATS = [name for name, kind in HINTS.items() if kind is float]
WHOLE_NUMBERS = [name for name, kind in HINTS.items() if kind in (int, int | None)]


def test_strings_become_settings() -> None:
    job = parse_hyperparameters(
        {
            "recipe": "room_wall",
            "epochs": "50",
            "learning_rate": "2e-4",
            "horizontal_flip": "False",
            "lr_drop_epoch": "40",
            "patience": "8",
            "image_short_sides": "480, 640",
            "crop_short_sides": "",
            "precision": "fp32",
            "sagemaker_region": "us-east-1",
        }
    )
    changed = replace(
        RECIPES["room_wall"].training,
        epochs=50,
        learning_rate=2e-4,
        horizontal_flip=False,
        lr_drop_epoch=40,
        patience=8,
        image_short_sides=(480, 640),
        crop_short_sides=(),
        precision="fp32",
    )
    assert (job.recipe, job.model, job.training) == ("room_wall", RECIPES["room_wall"].model, changed)


def test_without_hyperparameters_the_default_recipe_holds(tmp_path: Path) -> None:
    assert read_hyperparameters(tmp_path / "missing.json").recipe == "room_wall"


@pytest.mark.parametrize("content", ["[]", '{"epochs": 3}', "{", '{"epochs": null}'])
def test_a_file_that_is_no_map_of_strings_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "hyperparameters.json"
    path.write_text(content)
    with pytest.raises(JobConfigError, match=r"hyperparameters\.json"):
        read_hyperparameters(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((field, value) for field in FLOATS for value in ("inf", "-inf", "nan", "1e39", "-1")),
        *(
            (field, value)
            for field in WHOLE_NUMBERS
            for value in (str(2**64), "-1", "1.5", "1e3", "\u0661", "1_0", "&")
        ),
        ("seed", str(2**63)),
        ("lr_drop_epoch", "0"),
        ("lr_drop_epoch", "23"),
        ("stall_minutes", "0"),
        ("stall_minutes", "1e12"),
        ("image_short_sides", ""),
        ("image_short_sides", "64.5"),
        ("image_short_sides", "100000"),
        ("crop_sides", "64"),
        ("crop_sides", "384,1000000"),
        ("crop_short_sides", "70000"),
        ("horizontal_flip", "yes"),
        ("", "x"),
        ("epochs\n[train]", "1"),
    ],
)
def test_a_value_that_cannot_work_is_refused_at_once_in_one_line(field: str, value: str) -> None:
    with pytest.raises(JobConfigError) as refusal:
        parse_hyperparameters({"recipe": "tiny", field: value})
    assert str(refusal.value).startswith("CONFIG: ")
    assert str(refusal.value).isprintable()


def test_every_number_of_the_training_has_a_range() -> None:
    """A new setting is not forgotten."""
    lists = [name for name, kind in HINTS.items() if get_origin(kind) is tuple]
    assert {*FLOATS, *WHOLE_NUMBERS, *lists} == set(TRAINING_RANGES)


def test_the_paper_drops_the_learning_rate_once() -> None:
    config = TrainingConfig(epochs=12)
    factors = [learning_rate_factor(step, steps=120, steps_per_epoch=10, config=config) for step in range(120)]
    assert factors == [1.0] * 110 + [0.1] * 10


def test_warm_up_rises_to_the_whole_rate() -> None:
    config = TrainingConfig(warmup_steps=4, schedule="cosine")
    factors = [learning_rate_factor(step, steps=1000, steps_per_epoch=10, config=config) for step in (0, 3, 500, 999)]
    assert factors == pytest.approx([0.25, 1.0, 0.5, 0.0], abs=1e-4)


def test_cloudwatch_takes_the_definitions() -> None:
    assert 0 < len(METRIC_DEFINITIONS) <= 40
    for definition in METRIC_DEFINITIONS:
        assert len(definition["Regex"]) <= 500
        assert re.compile(definition["Regex"]).groups == 1


def test_a_class_without_a_box_has_no_figures_to_tell() -> None:
    figures = {"ap": None, "ap50": None, "f1": None, "f1_threshold": None}
    assert class_line(step=9, name="room", figures=figures) == "[class] step=9 room: no box in the validation split"


def test_what_lambda_imports_needs_the_standard_library_only() -> None:
    program = (
        "import sys; import training_code.recipes, training_code.job.metric_lines;"
        "own = {'training_code', 'dataset_contract', '__main__'};"
        "foreign = {m.split('.')[0] for m in sys.modules} - sys.stdlib_module_names - own;"
        "sys.exit(str(foreign) if foreign else 0)"
    )
    subprocess.run([sys.executable, "-S", "-c", program], cwd=Path(__file__).parents[2], check=True)
