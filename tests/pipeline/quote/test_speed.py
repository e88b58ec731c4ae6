"""Speed is measured where a run tells of it, or else estimated and said to be."""

from dataclasses import replace

import pytest
from pipeline.instance_types import INSTANCE_TYPES
from pipeline.quote.speed import speed_of, spot_saving_of
from pipeline.request import PRESETS

from tests.pipeline.quote.test_records import RECORD


def test_every_preset_has_a_speed_on_every_type_that_says_that_it_is_estimated() -> None:
    for preset in PRESETS.values():
        for instance_type in INSTANCE_TYPES:
            speed = speed_of(preset.recipe, instance_type, [])
            assert speed.images_per_second > 0
            assert "estimated in 2026-11, not measured" in speed.source


def test_another_gpus_estimate_says_how_it_was_scaled() -> None:
    speed = speed_of("room_wall", "ml.g6.xlarge", [])
    assert speed.images_per_second == pytest.approx(1.35)
    assert "2.7 images/s on ml.g5.2xlarge, scaled by 0.5" in speed.source


def test_the_median_of_the_last_runs_is_what_is_expected() -> None:
    seconds = [5000, 4000, 50_000, 4500, 5500, 1, 1]  # an odd one, and two that are too old
    records = [replace(RECORD, trainer_seconds=each) for each in seconds]
    speed = speed_of("room_wall", "ml.g5.2xlarge", records)
    assert speed.images_per_second == pytest.approx(2935 * 5 / 5000)
    assert speed.source == "measured in the last 5 runs on ml.g5.2xlarge"


def test_runs_of_another_model_or_type_say_nothing() -> None:
    others = [replace(RECORD, recipe="tiny"), replace(RECORD, instance_type="ml.g5.xlarge")]
    assert "estimated" in speed_of("room_wall", "ml.g5.2xlarge", others).source
    assert speed_of("room_wall", "ml.g5.2xlarge", [*others, RECORD]).source.startswith("measured in the last run on")


def test_what_spot_saves_is_known_from_spot_runs_on_the_type_only() -> None:
    assert spot_saving_of("ml.g5.2xlarge", [replace(RECORD, spot=False)]) is None
    assert spot_saving_of("ml.g6.xlarge", [RECORD]) is None
    half = replace(RECORD, billable_seconds=2700)
    assert spot_saving_of("ml.g5.2xlarge", [RECORD, half, half]) == pytest.approx(0.5)
