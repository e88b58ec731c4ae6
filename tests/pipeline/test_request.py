"""The execution's input: `{}` is complete, every field is checked, and nothing crashes the parser."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline.errors import RequestInvalid
from pipeline.pricing import USD_PER_HOUR
from pipeline.request import MAX_EPOCHS, MAX_RUNTIME_HOURS, PRESETS, WEIGHTS_NAME, Defaults, Request, parse_request

from training_code.presets import PRESETS as TRAINING_PRESETS

DEFAULTS = Defaults(dataset_prefix="dino-data", preset="test", instance_type="ml.g5.2xlarge")


def test_an_empty_object_is_a_complete_request() -> None:
    assert parse_request({}, DEFAULTS) == Request(
        dataset_prefix="dino-data",
        preset="test",
        epochs=5,
        instance_type="ml.g5.2xlarge",
        spot=True,
        max_runtime_hours=6,
        pretrained=None,
    )


@pytest.mark.parametrize(("preset", "epochs"), [("test", 5), ("full", 50), ("tiny", None)])
def test_a_preset_brings_its_epochs(preset: str, epochs: int | None) -> None:
    assert parse_request({"preset": preset}, DEFAULTS).epochs == epochs


def test_the_deployment_chooses_the_default_preset() -> None:
    tiny = Defaults(dataset_prefix="dino-data", preset="tiny", instance_type="ml.g5.xlarge")
    request = parse_request({}, tiny)
    assert (request.preset, request.training_preset, request.instance_type) == ("tiny", "tiny", "ml.g5.xlarge")


def test_every_preset_is_one_of_the_trainers() -> None:
    assert {preset.training_preset for preset in PRESETS.values()} <= set(TRAINING_PRESETS)


def test_the_consoles_own_extras_are_let_pass() -> None:
    extras = {"Comment": "Insert your JSON here", "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "arn:aws:states:x"}
    assert parse_request(extras, DEFAULTS) == parse_request({}, DEFAULTS)


def test_null_means_the_default() -> None:
    nothing = dict.fromkeys(Request.__dataclass_fields__)
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
        ({"preset": "huge"}, "preset", "test, full, tiny"),
        ({"preset": ["test"]}, "preset", "test, full, tiny"),
        ({"epochs": 0}, "epochs", "from 1 to 1000"),
        ({"epochs": 2.5}, "epochs", "from 1 to 1000"),
        ({"epochs": True}, "epochs", "from 1 to 1000"),
        ({"epochs": "5"}, "epochs", "from 1 to 1000"),
        ({"instance_type": "ml.p5.48xlarge"}, "instance_type", "ml.g5.2xlarge"),
        ({"instance_type": "g5.2xlarge"}, "instance_type", "ml.g5.2xlarge"),
        ({"spot": "yes"}, "spot", "true"),
        ({"spot": 1}, "spot", "true"),
        ({"max_runtime_hours": 0}, "max_runtime_hours", "up to 120"),
        ({"max_runtime_hours": 121}, "max_runtime_hours", "up to 120"),
        ({"max_runtime_hours": float("nan")}, "max_runtime_hours", "up to 120"),
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
        ({"presett": "full"}, "presett", "preset"),
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


@given(st.dictionaries(st.sampled_from(sorted(Request.__dataclass_fields__)) | st.text(), json_values) | json_values)
def test_whatever_the_input_is_the_end_is_a_sound_request_or_a_refusal(value: object) -> None:
    try:
        request = parse_request(value, DEFAULTS)
    except RequestInvalid as refusal:
        assert 0 < len(str(refusal)) < 600
        return
    assert request.preset in PRESETS
    assert request.instance_type in USD_PER_HOUR
    assert request.dataset_prefix.startswith("dino-data")
    assert request.epochs is None or 1 <= request.epochs <= MAX_EPOCHS
    assert 1 <= request.max_runtime_seconds <= MAX_RUNTIME_HOURS * 3600
    assert request.max_wait_seconds >= request.max_runtime_seconds
    assert request.pretrained is None or WEIGHTS_NAME.fullmatch(request.pretrained)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "preset": st.sampled_from(sorted(PRESETS)),
            "epochs": st.integers(1, MAX_EPOCHS),
            "instance_type": st.sampled_from(sorted(USD_PER_HOUR)),
            "spot": st.booleans(),
            "max_runtime_hours": st.floats(0.001, MAX_RUNTIME_HOURS),
            "pretrained": st.none() | st.from_regex(WEIGHTS_NAME, fullmatch=True),
        },
    )
)
def test_a_request_survives_the_state_machine(fields: dict[str, object]) -> None:
    request = parse_request(fields, DEFAULTS)
    assert Request.from_state(json.loads(json.dumps(request.to_state()))) == request
    assert parse_request(request.to_state(), DEFAULTS) == request
