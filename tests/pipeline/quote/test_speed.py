"""Speed is measured where a run tells of it, or else the table's, with its basis."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pipeline.instance_types import INSTANCE_TYPES
from pipeline.quote import speed
from pipeline.quote.gpu_speeds import GPU_SPEEDS, PROJECTED, GpuSpeed
from pipeline.quote.records import StageRecord
from pipeline.quote.speed import Speed, spot_saving_of
from pipeline.quote.speed import speed_of as speed_of_instances
from pipeline.request import PRESETS

from tests.pipeline.quote.test_records import RECORD
from training_code.config import TrainingConfig
from training_code.recipes import RECIPES
from training_code.training_settings import SETTINGS, json_values

ROOM_WALL = RECIPES["room_wall"].training
A10G, L4 = (GPU_SPEEDS["room_wall"][gpu].images_per_second for gpu in ("A10G", "L4"))


def speed_of(
    recipe: str,
    training: TrainingConfig,
    instance_type: str,
    records: Sequence[StageRecord],
    *,
    instances: int = 1,
    images: int = RECORD.training_images,
) -> Speed:
    return speed_of_instances(
        recipe, training, instance_type, records, instance_count=instances, training_images=images
    )


def test_every_preset_has_a_speed_on_every_type_that_says_that_it_is_not_measured() -> None:
    for preset in PRESETS.values():
        for instance_type in INSTANCE_TYPES:
            speed = speed_of(preset.recipe, RECIPES[preset.recipe].training, instance_type, [])
            assert speed.images_per_second > 0
            assert " in 2026-11" in speed.source
            assert "not measured: " in speed.source


def test_the_table_has_each_gpu_for_each_recipe_and_no_other() -> None:
    gpus = {each.gpu.name for each in INSTANCE_TYPES.values()}
    assert {recipe: set(speeds) for recipe, speeds in GPU_SPEEDS.items()} == dict.fromkeys(RECIPES, gpus)


def test_a_gpus_speed_is_the_tables_with_its_basis() -> None:
    speed = speed_of("room_wall", ROOM_WALL, "ml.g6.xlarge", [])
    assert speed.images_per_second == L4
    assert speed.source == f"projected in 2026-11 from counted work, not measured: {L4} images/s on one L4"


def test_a_figure_that_a_benchmark_measured_is_said_to_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"room_wall": {"L4": GpuSpeed(7.0, "measured on 2027-01-02 by python -m benchmarks.gpu at abc1234")}}
    monkeypatch.setattr(speed, "GPU_SPEEDS", known)
    source = speed_of("room_wall", ROOM_WALL, "ml.g6.xlarge", []).source
    assert source == "measured on 2027-01-02 by python -m benchmarks.gpu at abc1234: 7 images/s on one L4"


def test_the_median_of_the_last_runs_is_what_is_expected() -> None:
    seconds = [5000, 4000, 50_000, 4500, 5500, 1, 1]  # an odd one, and two that are too old
    records = [replace(RECORD, trainer_seconds=each) for each in seconds]
    speed = speed_of("room_wall", ROOM_WALL, "ml.g5.2xlarge", records)
    assert speed.images_per_second == pytest.approx(2935 * 5 / 5000)
    assert speed.source == "measured in the last 5 runs on ml.g5.2xlarge"


def test_runs_of_another_model_or_type_say_nothing() -> None:
    others = [replace(RECORD, recipe="tiny"), replace(RECORD, instance_type="ml.g5.xlarge")]
    assert PROJECTED in speed_of("room_wall", ROOM_WALL, "ml.g5.2xlarge", others).source
    assert speed_of("room_wall", ROOM_WALL, "ml.g5.2xlarge", [*others, RECORD]).source.startswith(
        "measured in the last run on"
    )


@pytest.mark.parametrize(
    ("settings", "is_same"),
    [
        ({"learning_rate": 1e-5, "epochs": 50, "seed": 1}, True),
        ({"batch_size": 4}, False),
        ({"image_short_sides": (640,)}, False),
        ({"workers": 0}, False),
    ],
)
def test_a_run_with_other_settings_says_nothing_unless_they_leave_the_speed_as_it_is(
    settings: dict[str, Any], *, is_same: bool
) -> None:
    other = replace(ROOM_WALL, **settings)
    for asked, used in ((ROOM_WALL, other), (other, ROOM_WALL)):
        source = speed_of("room_wall", asked, "ml.g5.2xlarge", [replace(RECORD, training=json_values(used))]).source
        assert source.startswith("measured" if is_same else PROJECTED)
    same = json.loads(json.dumps(json_values(other)))
    assert speed_of("room_wall", other, "ml.g5.2xlarge", [replace(RECORD, training=same)]).source.startswith("measured")


def test_a_measured_batch_counts_if_the_run_could_take_no_more_images_at_once() -> None:
    """Which leaves fewer updates the more there are: 5 epochs of 2,935 images allow two, 50 epochs sixteen."""
    short, long = ROOM_WALL, replace(ROOM_WALL, epochs=50)
    of_long = replace(RECORD, epochs=50, training=json_values(long))
    for asked, record, counts in (
        (short, RECORD, True),
        (long, RECORD, True),
        (long, of_long, True),
        (short, of_long, False),
    ):
        source = speed_of("room_wall", asked, "ml.g5.2xlarge", [record]).source
        assert source.startswith("measured" if counts else PROJECTED)
    assert speed_of("room_wall", short, "ml.g5.2xlarge", [of_long], images=29_350).source.startswith("measured")
    two = replace(RECORD, epochs=50, training=json_values(replace(long, batch_size=2)))
    set_by_request = replace(short, batch_size=2)
    assert speed_of("room_wall", set_by_request, "ml.g5.2xlarge", [two]).source.startswith("measured")
    assert speed_of("room_wall", long, "ml.g5.2xlarge", [two]).source.startswith(PROJECTED)


def test_a_record_that_is_older_than_a_setting_was_made_with_the_recipes() -> None:
    older = {name: value for name, value in json_values(ROOM_WALL).items() if name != "precision"}
    records = [replace(RECORD, training=older)]
    assert speed_of("room_wall", ROOM_WALL, "ml.g5.2xlarge", records).source.startswith("measured")
    fp32 = replace(ROOM_WALL, precision="fp32")
    assert speed_of("room_wall", fp32, "ml.g5.2xlarge", records).source.startswith(PROJECTED)


def test_what_is_said_not_to_change_the_speed_is_a_setting() -> None:
    assert set(SETTINGS) > speed._NOT_IN_SPEED


def test_the_tables_speed_is_scaled_by_the_settings_and_says_so() -> None:
    for settings, factor in (
        ({"image_short_sides": (960,), "image_max_side": 1333}, 0.5),
        ({"precision": "fp32"}, 0.5),
        ({"activation_checkpointing": True}, 0.75),
        ({"learning_rate": 1e-5}, 1),
    ):
        asked = replace(ROOM_WALL, **settings)
        found = speed_of("room_wall", asked, "ml.g5.2xlarge", [])
        assert found.images_per_second == pytest.approx(A10G * factor, rel=0.15), settings
        assert ("to the training's image sizes and arithmetic" in found.source) == (factor != 1)


def test_what_spot_saves_is_known_from_spot_runs_on_the_type_only() -> None:
    assert spot_saving_of("ml.g5.2xlarge", [replace(RECORD, spot=False)]) is None
    assert spot_saving_of("ml.g6.xlarge", [RECORD]) is None
    half = replace(RECORD, billable_seconds=2700)
    assert spot_saving_of("ml.g5.2xlarge", [RECORD, half, half]) == pytest.approx(0.5)


# Several GPUs

ONE = RECORD
"""2.935 images/s on one A10G."""
FOUR = replace(RECORD, instance_type="ml.g5.12xlarge", trainer_seconds=RECORD.trainer_seconds / 3)
"""Three times as fast."""


@pytest.mark.parametrize(
    ("instance_type", "instances", "factor"), [("ml.g5.12xlarge", 1, 3.2), ("ml.g5.2xlarge", 4, 2.4)]
)
def test_several_gpus_are_expected_with_caution(instance_type: str, instances: int, factor: float) -> None:
    """Gradients go over a network between instances, and over PCIe within one."""
    got = speed_of("room_wall", ROOM_WALL, instance_type, [], instances=instances)
    assert got.images_per_second == pytest.approx(A10G * factor)
    assert PROJECTED in got.source
    assert f"on one GPU, and 4 are {factor} times as fast, by a cautious estimate" in got.source


def test_several_gpus_go_by_what_one_was_measured_to_do() -> None:
    got = speed_of("room_wall", ROOM_WALL, "ml.g5.12xlarge", [ONE])
    assert got.images_per_second == pytest.approx(2.935 * 3.2)
    assert got.source.startswith("measured in the last run on one A10G, on one GPU, and 4 are 3.2 times as fast")
    assert PROJECTED in speed_of("room_wall", ROOM_WALL, "ml.g6.12xlarge", [ONE]).source, "another GPU"


def test_a_run_on_the_same_instances_is_what_is_expected() -> None:
    got = speed_of("room_wall", ROOM_WALL, "ml.g5.12xlarge", [ONE, FOUR])
    assert got.images_per_second == pytest.approx(2.935 * 3)
    assert got.source == "measured in the last run on ml.g5.12xlarge"
    two = replace(FOUR, instance_count=2)
    assert speed_of("room_wall", ROOM_WALL, "ml.g5.12xlarge", [two], instances=2).source.endswith("2 x ml.g5.12xlarge")
    assert PROJECTED in speed_of("room_wall", ROOM_WALL, "ml.g5.12xlarge", [two]).source
    assert PROJECTED in speed_of("room_wall", ROOM_WALL, "ml.g5.2xlarge", [replace(ONE, instance_count=4)]).source


def test_what_several_gpus_of_one_model_brought_is_expected_of_those_of_another() -> None:
    got = speed_of("room_wall", ROOM_WALL, "ml.g6.12xlarge", [ONE, FOUR])
    assert got.images_per_second == pytest.approx(L4 * 3)
    assert got.source.endswith("on one GPU, and 4 are 3 times as fast, as in earlier runs")
    eight = speed_of("room_wall", ROOM_WALL, "ml.g6.12xlarge", [ONE, FOUR], instances=2)
    assert "by a cautious estimate" in eight.source, "not those of 8"
