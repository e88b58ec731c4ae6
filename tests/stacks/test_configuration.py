"""cdk.json's context: taken as it is, overridden with -c, refused in one sentence."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import aws_logs as logs
from pipeline import s3_layout

from stacks.configuration import Configuration, ConfigurationError

CONTEXT: dict[str, Any] = json.loads((Path(__file__).resolve().parents[2] / "cdk.json").read_text())["context"]


def test_the_repositorys_own_configuration() -> None:
    assert Configuration.from_context(CONTEXT.get) == Configuration(
        image_repository="pytorch",
        image_tag="2.13-cu133-amzn2023-sagemaker",
        dataset_prefix="dino-data",
        default_preset="test",
        default_instance_type="ml.g5.2xlarge",
        quality_gate={"room": 0.895},
        watch_interval_seconds=60,
        stall_minutes=30.0,
        queue_minutes=30.0,
        log_retention=logs.RetentionDays.THREE_MONTHS,
        highest_cost_usd=200,
        daily_budget_usd=50,
        start_on_new_manifest=False,
        kms_key_arn=None,
        serving=False,
        serving_concurrency=5,
    )


@pytest.mark.parametrize("given", ["120", 120, 120.0])
def test_the_command_line_gives_strings_and_javascript_gives_floats(given: object) -> None:
    assert Configuration.from_context((CONTEXT | {"watch_interval_seconds": given}).get).watch_interval_seconds == 120


@pytest.mark.parametrize(("given", "minutes"), [("45", 45.0), (30, 30.0), ("0.4", 0.4), (1440.0, 1440.0)])
def test_minutes_may_have_a_fraction(given: object, minutes: float) -> None:
    assert Configuration.from_context((CONTEXT | {"stall_minutes": given}).get).stall_minutes == minutes


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("default_preset", "huge", "one of test, full, test_then_full, tiny"),
        ("default_preset", None, "is not given"),
        ("default_instance_type", "ml.trn1.32xlarge", "ml.g5.2xlarge"),
        ("image_tag", "", "an image's tag"),
        ("image_tag", "2.13 cu133", "an image's tag"),
        ("image_repository", "https://pytorch", "a repository's name"),
        ("dataset_prefix", "../data", "a folder's name"),
        ("dataset_prefix", "dino-data/", "a folder's name"),
        ("dataset_prefix", "plans", "with which plans/ does not begin"),
        ("dataset_prefix", "t", "with which training-jobs/ does not begin"),
        ("watch_interval_seconds", "soon", "a whole number from 5 to 3600"),
        ("watch_interval_seconds", "4", "a whole number from 5 to 3600"),
        ("watch_interval_seconds", True, "a whole number from 5 to 3600"),
        ("stall_minutes", 0, "minutes above 0 and up to 1440"),
        ("stall_minutes", -30, "minutes above 0 and up to 1440"),
        ("stall_minutes", "nan", "minutes above 0 and up to 1440"),
        ("queue_minutes", 1441, "minutes above 0 and up to 1440"),
        ("queue_minutes", True, "minutes above 0 and up to 1440"),
        ("queue_minutes", None, "is not given"),
        ("log_retention_days", 91, "90"),
        ("highest_cost_usd", 10_001, "from 1 to 10000"),
        ("daily_budget_usd", 0, "from 1 to 100000"),
        ("start_on_new_manifest", "perhaps", "true or false"),
        ("serving", "yes", "true or false"),
        ("serving_concurrency", 1001, "a whole number from 0 to 1000"),
        ("kms_key_arn", "alias/ours", "the ARN of a KMS key"),
        ("kms_key_arn", "arn:aws:kms:us-east-1:123456789012:alias/ours", "the ARN of a KMS key"),
        ("kms_key_arn", "1234abcd-12ab-34cd-56ef-1234567890ab", "the ARN of a KMS key"),
        ("quality_gate", '{"room": 89.5}', "their least F1"),
        ("quality_gate", "room=0.895", "their least F1"),
        ("quality_gate", None, "is not given"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name_and_what_is_allowed(name: str, value: object, said: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        Configuration.from_context((CONTEXT | {name: value}).get)
    assert name in str(refusal.value)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_gate_and_a_switch_come_as_text_from_the_command_line() -> None:
    given = CONTEXT | {"quality_gate": '{"wall": 0.8}', "start_on_new_manifest": "true"}
    configuration = Configuration.from_context(given.get)
    assert configuration.quality_gate == {"wall": 0.8}
    assert configuration.start_on_new_manifest is True


def test_the_pipelines_own_folders_are_all_known() -> None:
    folders = [value for name, value in vars(s3_layout).items() if name.isupper() and str(value).endswith("/")]
    assert len(folders) > len(s3_layout.OWN_FOLDERS)
    assert [folder for folder in folders if not folder.startswith(s3_layout.OWN_FOLDERS)] == []
