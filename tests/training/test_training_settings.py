"""Settings of a training: what JSON may say, and that the trainer understands exactly what a request asked for."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.training.settings_strategies import json_value
from training_code.config import TrainingConfig
from training_code.config_checks import ConfigError
from training_code.job.hyperparameters import parse_hyperparameters
from training_code.recipes import RECIPES
from training_code.training_settings import LONGEST_TEXT, SETTINGS, json_values, to_text, training_config

TINY = RECIPES["tiny"].training


@pytest.mark.parametrize("name", SETTINGS)
def test_every_value_of_every_setting_reaches_the_trainer_exactly(name: str) -> None:
    @given(json_value(name))
    def reaches(value: object) -> None:
        values = {"epochs": 10_000, "image_max_side": 65_535, name: value}  # with room for the other settings
        try:
            asked = training_config("tiny", values)
        except ConfigError:
            assume(False)
        told = parse_hyperparameters(
            {"recipe": "tiny", **{key: to_text(each) for key, each in values.items()}}
        ).training
        assert told == asked
        assert type(getattr(told, name)) is type(getattr(asked, name))
        assert len(to_text(value)) <= LONGEST_TEXT

    reaches()


@given(st.sampled_from(sorted(RECIPES)))
def test_all_settings_of_a_recipe_survive_json_and_text(recipe: str) -> None:
    config = RECIPES[recipe].training
    values = json.loads(json.dumps(json_values(config)))
    assert training_config("tiny", values) == config
    assert parse_hyperparameters({"recipe": "tiny"} | {k: to_text(v) for k, v in values.items()}).training == config


def test_a_job_takes_all_settings_as_hyperparameters() -> None:
    """SageMaker takes 100 hyperparameters; recipe, gate_classes and dataset_version come on top."""
    assert len(fields(TrainingConfig)) + 3 <= 100


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("log_steps", 5.0, "a whole number, not 5.0"),
        ("log_steps", True, "a whole number, not true"),
        ("log_steps", "5", "a whole number, not '5'"),
        ("log_steps", None, "a whole number, not null"),
        ("batch_size", "auto", "a whole number or null, not 'auto'"),
        ("batch_size", 10**400, "a whole number"),
        ("batch_size", 0, "at least 1, not 0"),
        ("batch_size", 1025, "at most 1,024, not 1025"),
        ("learning_rate", False, "a number, not false"),
        ("learning_rate", "1e-4", "a number, not '1e-4'"),
        ("learning_rate", [1e-4], "a number, not [0.0001]"),
        ("learning_rate", 10**400, "a number"),
        ("learning_rate", 0, "above 0"),
        ("learning_rate", float("inf"), "a finite number"),
        ("ema_decay", 1, "at most 0.999999"),
        ("lr_drop_epoch", 2.5, "a whole number or null"),
        ("lr_drop_epoch", 23, r"at most epochs (22)"),
        ("horizontal_flip", 1, "true or false, not 1"),
        ("horizontal_flip", "true", "true or false, not 'true'"),
        ("schedule", "linear", '"step" or "cosine", not \'linear\''),
        ("schedule", ["step"], '"step" or "cosine"'),
        ("image_short_sides", 192, "a list of whole numbers, not 192"),
        ("image_short_sides", [192.0], "a list of whole numbers"),
        ("image_short_sides", [[192]], "a list of whole numbers"),
        ("image_short_sides", [31], "at least 32, not 31"),
        ("image_short_sides", [], "at least one size"),
        ("image_short_sides", [100] * 600, "2,500 characters"),
        ("image_short_sides", [400], "image_max_side (288)"),
        ("crop_sides", [384], "a list of 2 whole numbers"),
        ("crop_sides", [600, 384], "a smallest and a largest side"),
        ("crop_sides", [384, 70_000], "at most 65,535"),
        ("learnig_rate", 1e-4, "did you mean learning_rate?"),
        ("Learning_Rate", 1e-4, "did you mean learning_rate?"),
        ("x", 1, "there are "),
        ("\n" * 1000, 1, "is not a setting"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_what_it_may_be(name: str, value: object, allowed: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        training_config("tiny", {name: value})
    assert allowed in str(refusal.value)
    assert len(str(refusal.value)) < 900
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"learning_rate": 5}, {"learning_rate": 5.0}),
        ({"lr_drop_epoch": None, "cpu_threads": None}, {"lr_drop_epoch": None, "cpu_threads": None}),
        (
            {"image_short_sides": [64, 96], "crop_short_sides": []},
            {"image_short_sides": (64, 96), "crop_short_sides": ()},
        ),
    ],
)
def test_what_is_left_out_is_the_recipes(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    assert training_config("tiny", changes) == replace(TINY, **expected)
