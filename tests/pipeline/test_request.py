"""The execution's input: `{}` is complete, every field is checked, and nothing crashes the parser."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline.errors import RequestInvalid
from pipeline.instance_types import INSTANCE_TYPES
from pipeline.request import FIELDS as REQUEST_FIELDS
from pipeline.request import MAX_EPOCHS, MAX_INSTANCE_COUNT, PRESETS, WEIGHTS_NAME, Request, Stage
from pipeline.request_input import MAX_INPUT_CHARACTERS, MAX_INSTANCE_TYPES, parse_request
from pipeline.settings import Defaults
from pipeline.state import from_state, to_state

from tests.pipeline.instance_type_lists import TYPE_LISTS
from tests.training.settings_strategies import json_value
from training_code.config_checks import ConfigError
from training_code.recipes import RECIPES
from training_code.training_settings import SETTINGS, training_config

DEFAULTS = Defaults(
    dataset_prefix="dino-data",
    preset="test",
    instance_type="ml.g5.2xlarge",
    quality_gate={"room": 0.895},
    highest_cost_usd=200,
)


def nested(levels: int) -> list[object]:
    """A list in a list and so on."""
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


def test_an_empty_object_is_a_complete_request() -> None:
    assert parse_request({}, DEFAULTS) == Request(
        dataset_prefix="dino-data",
        preset="test",
        epochs=5,
        instance_types=("ml.g5.2xlarge",),
        instance_count=1,
        spot=True,
        max_cost_usd=10,
        quality_gate={"room": 0.895},
        gate_is_default=True,
        pretrained=None,
        continue_from=None,
        training={},
    )


@pytest.mark.parametrize(
    ("preset", "stages", "max_cost_usd"),
    [
        ("test", (Stage("room_wall", 5),), 10),
        ("full", (Stage("room_wall", 50, {"patience": 8}),), 60),
        ("test_then_full", (Stage("room_wall", 5), Stage("room_wall", 50, {"patience": 8})), 70),
        ("tiny", (Stage("tiny", RECIPES["tiny"].training.epochs),), 5),
    ],
)
def test_a_preset_brings_its_stages_and_what_they_may_cost(
    preset: str, stages: tuple[Stage, ...], max_cost_usd: float
) -> None:
    request = parse_request({"preset": preset}, DEFAULTS)
    assert (request.stages, request.max_cost_usd) == (stages, max_cost_usd)


def test_a_preset_costs_no_more_than_the_deployment_allows() -> None:
    low = replace(DEFAULTS, highest_cost_usd=50)
    assert parse_request({"preset": "full"}, low).max_cost_usd == 50
    assert parse_request({"preset": "full", "max_cost_usd": 50}, low).max_cost_usd == 50
    with pytest.raises(RequestInvalid, match=r"max_cost_usd is 60; .*up to 50, the deployment's highest_cost_usd"):
        parse_request({"preset": "full", "max_cost_usd": 60}, low)


def test_the_epochs_asked_for_are_those_of_the_run() -> None:
    stages = parse_request({"preset": "full", "epochs": 12}, DEFAULTS).stages
    assert stages == (Stage("room_wall", 12, {"patience": 8}),)


def test_instance_types_keep_their_order() -> None:
    types = ["ml.g6.xlarge", "ml.g5.2xlarge", "ml.g5.xlarge"]
    assert parse_request({"instance_types": types}, DEFAULTS).instance_types == tuple(types)


def test_an_empty_gate_replaces_the_deployments() -> None:
    assert parse_request({"quality_gate": {}}, DEFAULTS).quality_gate == {}
    assert parse_request({"quality_gate": {"wall": 1, "room": 0.9}}, DEFAULTS).quality_gate == {"wall": 1, "room": 0.9}


def test_the_deployment_chooses_the_default_preset() -> None:
    tiny = replace(DEFAULTS, preset="tiny", instance_type="ml.g5.xlarge", quality_gate={})
    request = parse_request({}, tiny)
    assert (request.preset, request.recipe, request.instance_types) == ("tiny", "tiny", ("ml.g5.xlarge",))
    assert (request.max_cost_usd, request.quality_gate) == (5, {})


@pytest.mark.parametrize("preset", PRESETS)
def test_the_settings_are_those_of_all_stages(preset: str) -> None:
    settings = {"learning_rate": 5e-5, "image_short_sides": [96, 128], "cpu_threads": None, "horizontal_flip": False}
    request = parse_request({"preset": preset, "training": settings}, DEFAULTS)
    for stage, of_preset in zip(request.stages, PRESETS[preset].settings, strict=True):
        assert stage.training == replace(
            training_config(request.recipe, of_preset),
            epochs=stage.epochs,
            learning_rate=5e-5,
            image_short_sides=(96, 128),
            cpu_threads=None,
            horizontal_flip=False,
        )


@pytest.mark.parametrize("preset", PRESETS)
def test_to_continue_a_model_is_to_train_at_a_tenth_of_the_rates_unless_others_are_asked_for(preset: str) -> None:
    asked = {"preset": preset, "continue_from": "run-20261120-100000"}
    request = parse_request(asked, DEFAULTS)
    recipe = RECIPES[request.recipe].training
    for stage, of_preset in zip(request.stages, PRESETS[preset].settings, strict=True):
        rates = (stage.training.learning_rate, stage.training.backbone_learning_rate)
        assert rates == pytest.approx((recipe.learning_rate / 10, recipe.backbone_learning_rate / 10), rel=1e-9)
        plain = replace(stage.training, learning_rate=recipe.learning_rate)
        plain = replace(plain, backbone_learning_rate=recipe.backbone_learning_rate)
        assert plain == replace(training_config(request.recipe, of_preset), epochs=stage.epochs)
    other = parse_request({**asked, "training": {"learning_rate": 3e-5}}, DEFAULTS)
    assert {stage.training.learning_rate for stage in other.stages} == {3e-5}
    assert {stage.training.backbone_learning_rate for stage in other.stages} == {
        stage.training.backbone_learning_rate for stage in request.stages
    }


def test_the_request_goes_over_what_the_preset_sets() -> None:
    request = parse_request({"preset": "test_then_full", "training": {"patience": 3}}, DEFAULTS)
    assert [stage.training.patience for stage in request.stages] == [3, 3]
    with pytest.raises(RequestInvalid, match=r"for the stage of 50 epochs: patience needs the schedule step"):
        parse_request({"preset": "test_then_full", "training": {"schedule": "cosine"}}, DEFAULTS)
    cosine = parse_request({"preset": "full", "training": {"schedule": "cosine", "patience": None}}, DEFAULTS)
    assert cosine.stages[0].training.schedule == "cosine"


def test_every_preset_is_one_of_the_trainers() -> None:
    assert {preset.recipe for preset in PRESETS.values()} <= set(RECIPES)


def test_the_consoles_own_extras_are_let_pass() -> None:
    extras = {"Comment": "Insert your JSON here", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "arn:aws:states:x"}
    assert parse_request(extras, DEFAULTS) == parse_request({}, DEFAULTS)


def test_null_means_the_default() -> None:
    nothing = dict.fromkeys(REQUEST_FIELDS)
    assert parse_request(nothing, DEFAULTS) == parse_request({}, DEFAULTS)


@pytest.mark.parametrize("prefix", ["dino-data", "dino-data/", "dino-data-2", "dino-data/2026-11"])
def test_other_data_sets_lie_beside_or_below_the_configured_one(prefix: str) -> None:
    assert parse_request({"dataset_prefix": prefix}, DEFAULTS).dataset_prefix == prefix.rstrip("/")


@pytest.mark.parametrize("name", ["resnet50-0676ba61.pth", "checkpoint0011_4scale.pth", "run.2.safetensors", "_.pth"])
def test_the_weights_to_start_from_are_a_files_name(name: str) -> None:
    assert parse_request({"pretrained": name}, DEFAULTS).pretrained == name


@pytest.mark.parametrize(
    ("given_", "field", "allowed"),
    [
        ({"preset": "huge"}, "preset", "test, full, test_then_full, tiny"),
        ({"preset": ["test"]}, "preset", "test, full, test_then_full, tiny"),
        ({"epochs": 0}, "epochs", "from 1 to 1000"),
        ({"epochs": 2.5}, "epochs", "from 1 to 1000"),
        ({"epochs": True}, "epochs", "from 1 to 1000"),
        ({"epochs": "5"}, "epochs", "from 1 to 1000"),
        ({"preset": "test_then_full", "epochs": 5}, "epochs", "nothing with the preset test_then_full"),
        ({"instance_type": "ml.g5.2xlarge"}, "instance_type", "instance_types"),
        ({"max_runtime_hours": 6}, "max_runtime_hours", "max_cost_usd"),
        ({"instance_types": "ml.g5.2xlarge"}, "instance_types", "ml.g5.2xlarge"),
        ({"instance_types": []}, "instance_types", "one to 5"),
        ({"instance_types": ["ml.p3.2xlarge"]}, "instance_types", "ml.g5.2xlarge"),
        ({"instance_types": ["g5.2xlarge"]}, "instance_types", "ml.g5.2xlarge"),
        ({"instance_types": ["ml.g5.xlarge", "ml.g5.xlarge"]}, "instance_types", "different"),
        ({"instance_types": ["ml.g5.xlarge"] * 6}, "instance_types", "one to 5"),
        ({"instance_types": [["ml.g5.xlarge"]]}, "instance_types", "ml.g5.2xlarge"),
        ({"instance_types": ["ml.g5.xlarge", "ml.g5.12xlarge"]}, "instance_types", "ml.g5.12xlarge with 4"),
        ({"instance_count": 0}, "instance_count", "1 to 16"),
        ({"instance_count": 17}, "instance_count", "1 to 16"),
        ({"instance_count": True}, "instance_count", "1 to 16"),
        ({"instance_count": 2.0}, "instance_count", "1 to 16"),
        ({"spot": "yes"}, "spot", "true"),
        ({"spot": 1}, "spot", "true"),
        ({"max_cost_usd": 0}, "max_cost_usd", "above 0"),
        ({"max_cost_usd": -1}, "max_cost_usd", "above 0"),
        ({"max_cost_usd": 200.01}, "max_cost_usd", "up to 200, the deployment's highest_cost_usd (cdk.json)"),
        ({"max_cost_usd": "10"}, "max_cost_usd", "US dollars"),
        ({"max_cost_usd": True}, "max_cost_usd", "US dollars"),
        ({"max_cost_usd": float("nan")}, "max_cost_usd", "US dollars"),
        ({"quality_gate": 0.895}, "quality_gate", '{"room": 0.895}'),
        ({"quality_gate": ["room"]}, "quality_gate", '{"room": 0.895}'),
        ({"quality_gate": {"room": 89.5}}, "quality_gate", "from 0 to 1"),
        ({"quality_gate": {"room": True}}, "quality_gate", "from 0 to 1"),
        ({"quality_gate": {"room": float("nan")}}, "quality_gate", "from 0 to 1"),
        ({"quality_gate": {"": 0.5}}, "quality_gate", "class names"),
        ({"quality_gate": {"room\n": 0.5}}, "quality_gate", "class names"),
        ({"quality_gate": {str(number): 0.5 for number in range(21)}}, "quality_gate", "class names"),
        ({"dataset_prefix": "reports"}, "dataset_prefix", "starts with dino-data"),
        ({"dataset_prefix": "dino-data/../reports"}, "dataset_prefix", "starts with dino-data"),
        ({"dataset_prefix": "dino-data//x"}, "dataset_prefix", "starts with dino-data"),
        ({"dataset_prefix": "dino-data$(reboot)"}, "dataset_prefix", "starts with dino-data"),
        ({"dataset_prefix": "dino-data" + "x" * 300}, "dataset_prefix", "starts with dino-data"),
        ({"dataset_prefix": 1}, "dataset_prefix", "starts with dino-data"),
        ({"pretrained": ""}, "pretrained", "without a path"),
        ({"pretrained": ".pth"}, "pretrained", ".pth or .safetensors"),
        ({"pretrained": ".hidden.pth"}, "pretrained", ".pth or .safetensors"),
        ({"pretrained": "resnet50.pt"}, "pretrained", ".pth or .safetensors"),
        ({"pretrained": "resnet50.PTH"}, "pretrained", ".pth or .safetensors"),
        ({"pretrained": "resnet50.pth\n"}, "pretrained", "without a path"),
        ({"pretrained": "s3://bucket/pretrained/resnet50.pth"}, "pretrained", "without a path"),
        ({"pretrained": "../dino-data/resnet50.pth"}, "pretrained", "without a path"),
        ({"pretrained": "$(reboot).pth"}, "pretrained", "without a path"),
        ({"pretrained": "x" * 300 + ".pth"}, "pretrained", "without a path"),
        ({"pretrained": True}, "pretrained", "or null"),
        ({"continue_from": ""}, "continue_from", "the name of an earlier run"),
        ({"continue_from": "../run"}, "continue_from", "the name of an earlier run"),
        ({"continue_from": 5}, "continue_from", "or null"),
        ({"continue_from": "a" * 81}, "continue_from", "the name of an earlier run"),
        ({"continue_from": "run", "pretrained": "a.pth"}, "continue_from", "nothing beside pretrained"),
        ({"presett": "full"}, "presett", "did you mean preset?"),
        ({"learning_rate": 1e-4}, "learning_rate", '{"training": {"learning_rate": ...}}'),
        ({"training": 1e-4}, "training", '{"training": {"learning_rate": 5e-05}}'),
        ({"training": [{"learning_rate": 1e-4}]}, "training", "object of settings"),
        ({"training": {"learnig_rate": 1e-4}}, "learnig_rate", "did you mean learning_rate?"),
        ({"training": {"learning_rate": "1e-4"}}, "learning_rate", "a number, not '1e-4'"),
        ({"training": {"learning_rate": True}}, "learning_rate", "a number, not true"),
        ({"training": {"epochs": None}}, "epochs", "beside training"),
        ({"training": {"accumulation_steps": None}}, "accumulation_steps", "a whole number, not null"),
        ({"training": {"batch_size": 2000}}, "batch_size", "at most 1,024"),
        ({"training": {"epochs": 5}}, "epochs", "beside training"),
        ({"training": {"spot": False}}, "spot", "beside training"),
        ({"training": {"recipe": "tiny"}}, "recipe", "which the pipeline sets"),
        ({"training": {"dataset_version": "0"}}, "dataset_version", "which the pipeline sets"),
        ({"training": {"gate_classes": "[]"}}, "gate_classes", "which the pipeline sets"),
        ({"training": {"image_short_sides": [1400]}}, "image_short_sides", "image_max_side (1333)"),
        ({"training": {"lr_drop_epoch": 6}}, "lr_drop_epoch", "at most epochs (5)"),
        ({"preset": "test_then_full", "training": {"lr_drop_epoch": 6}}, "training", "for the stage of 5 epochs"),
        ({"max_cost_usd": 10**400}, "max_cost_usd", "up to 200"),
        ({"max_cost_usd": 10**5000}, "max_cost_usd", "up to 200"),
        ({"max_cost_usd": math.inf}, "max_cost_usd", "up to 200"),
        ({"epochs": 10**5000}, "epochs", "from 1 to 1000"),
        ({"quality_gate": {"room": 10**400}}, "quality_gate", "from 0 to 1"),
        ({"quality_gate": nested(5000)}, "quality_gate", "from 0 to 1"),
    ],
)
def test_a_refusal_names_the_field_and_what_is_allowed(given_: object, field: str, allowed: str) -> None:
    with pytest.raises(RequestInvalid) as refusal:
        parse_request(given_, DEFAULTS)
    sentence = str(refusal.value)
    assert field in sentence
    assert allowed in sentence
    assert len(sentence) < 400
    assert "\n" not in sentence


@pytest.mark.parametrize("given_", [None, "", "{}", 5, True, [], [{}]])
def test_an_input_that_is_no_object_is_refused_with_an_example(given_: object) -> None:
    with pytest.raises(RequestInvalid, match=r'start it with \{\} .* \{"preset": "full"\}'):
        parse_request(given_, DEFAULTS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


trainings = st.fixed_dictionaries(
    {"training": st.dictionaries(st.sampled_from(sorted(SETTINGS)) | st.text(), json_values)}
)


@pytest.mark.parametrize("field", ["Comment", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"])
def test_an_input_that_would_fill_the_state_is_refused(field: str) -> None:
    """Step Functions takes 256 KB, and would end the run in a later step, without a sentence."""
    most = MAX_INPUT_CHARACTERS - len(json.dumps({field: ""}))
    assert parse_request({field: "x" * most}, DEFAULTS) == parse_request({}, DEFAULTS)
    with pytest.raises(RequestInvalid, match="has 16,385 characters of JSON, more than the 16,384 that are read"):
        parse_request({field: "x" * (most + 1)}, DEFAULTS)


@given(
    st.dictionaries(st.sampled_from(sorted(Request.__dataclass_fields__)) | st.text(), json_values)
    | json_values
    | trainings
)
def test_whatever_the_input_is_the_end_is_a_sound_request_or_a_refusal(value: object) -> None:
    try:
        request = parse_request(value, DEFAULTS)
    except RequestInvalid as refusal:
        assert 0 < len(str(refusal)) < 600
        return
    assert request.preset in PRESETS
    assert set(request.instance_types) <= set(INSTANCE_TYPES)
    assert 1 <= len(request.instance_types) <= MAX_INSTANCE_TYPES
    assert 1 <= request.instance_count <= MAX_INSTANCE_COUNT
    assert request.dataset_prefix.startswith("dino-data")
    assert request.stages
    assert all(1 <= stage.training.epochs <= MAX_EPOCHS for stage in request.stages)
    assert 0 < request.max_cost_usd <= DEFAULTS.highest_cost_usd
    assert all(0 <= least <= 1 for least in request.quality_gate.values())
    assert request.pretrained is None or WEIGHTS_NAME.fullmatch(request.pretrained)


def fits(settings: dict[str, object]) -> bool:
    """Whether every preset takes `settings`."""
    try:
        return all(training_config(p.recipe, {**each, **settings}) for p in PRESETS.values() for each in p.settings)
    except ConfigError:
        return False


OF_TRAINING = sorted({*SETTINGS} - {"epochs", "lr_drop_epoch"})
FIELDS = {
    "training": st.fixed_dictionaries({}, optional={name: json_value(name) for name in OF_TRAINING}).filter(fits),
    "instance_types": TYPE_LISTS,
    "instance_count": st.integers(1, MAX_INSTANCE_COUNT),
    "spot": st.booleans(),
    "max_cost_usd": st.floats(0.001, DEFAULTS.highest_cost_usd),
    "quality_gate": st.dictionaries(st.from_regex(r"[a-z][a-z .-]{0,9}", fullmatch=True), st.floats(0, 1), max_size=3),
    "pretrained": st.none() | st.from_regex(WEIGHTS_NAME, fullmatch=True),
}


@given(
    st.fixed_dictionaries(
        {}, optional=FIELDS | {"preset": st.sampled_from(["test", "full"]), "epochs": st.integers(1, MAX_EPOCHS)}
    )
    | st.fixed_dictionaries({}, optional=FIELDS | {"preset": st.sampled_from(sorted(PRESETS))})
)
def test_a_request_survives_the_state_machine(fields: dict[str, object]) -> None:
    request = parse_request(fields, DEFAULTS)
    state = json.loads(json.dumps(to_state(request)))
    assert from_state(Request, state) == request
    given = {name: state[name] for name in REQUEST_FIELDS}
    assert parse_request(given, DEFAULTS) == replace(request, gate_is_default=False)
