"""With a key of the customer's, all that is kept is encrypted by it, and each role may use it for what it does."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from stacks.configuration import Configuration, ConfigurationError
from stacks.customer_key import customer_key
from stacks.template_text import readable
from tests.stacks.conftest import ROOT, resources_of, synthesised

KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
READERS = {"Watch"}
WRITERS = {"Lock", "Validate", "CheckImages", "MergeChecks", "Quote", "Launch", "Judge", "Finalise", "CleanUp", "Sweep"}
Resources = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def with_key(tmp_path_factory: pytest.TempPathFactory) -> Resources:
    assembly = synthesised(tmp_path_factory.mktemp("cdk.out"), tmp_path_factory.mktemp("wheels"), kms_key_arn=KEY)
    return resources_of(json.loads((assembly / "FloorplanDino.template.json").read_text()))


def test_whatever_is_written_to_the_bucket_is_encrypted_by_it(with_key: Resources) -> None:
    (bucket,) = [each for each in with_key["AWS::S3::Bucket"] if each["LogicalId"].startswith("DatasetBucket")]
    assert bucket["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"] == [
        {
            "BucketKeyEnabled": True,
            "ServerSideEncryptionByDefault": {"KMSMasterKeyID": KEY, "SSEAlgorithm": "aws:kms"},
        }
    ]


def test_launch_has_jobs_encrypt_their_models_by_it(with_key: Resources) -> None:
    keys = {
        each["Properties"]["Handler"]: variables["KMS_KEY_ARN"]
        for each in with_key["AWS::Lambda::Function"]
        if "KMS_KEY_ARN" in (variables := each["Properties"].get("Environment", {}).get("Variables", {}))
    }
    assert keys == {"pipeline.steps.launch.handler": KEY}


def service_of(statement: dict[str, Any]) -> str | None:
    """The one through which a statement lets the key be used; None if it says nothing of it."""
    condition = statement.get("Condition")
    return readable(condition["StringEquals"]["kms:ViaService"]) if condition else None


def test_each_role_may_use_it_for_what_it_reads_and_writes_and_no_other_role_may(with_key: Resources) -> None:
    via_s3 = "s3.us-east-1.<AWS::URLSuffix>"
    found = {
        readable(role).strip("<>"): (statement["Action"], service_of(statement))
        for policy in with_key["AWS::IAM::Policy"]
        for role in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Resource"] == KEY
    }
    assert found == {
        **{f"Functions{step}Role": ("kms:Decrypt", via_s3) for step in READERS},
        **{f"Functions{step}Role": (["kms:Decrypt", "kms:GenerateDataKey"], via_s3) for step in WRITERS},
        "TrainingRole": (["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"], None),
    }


def test_people_may_use_it_for_what_their_policies_let_them_read_and_write(with_key: Resources) -> None:
    found = {
        policy["LogicalId"][:-8]: (statement["Action"], service_of(statement))
        for policy in with_key["AWS::IAM::ManagedPolicy"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Resource"] == KEY
    }
    via_s3 = "s3.us-east-1.<AWS::URLSuffix>"
    assert found == {
        "PeopleUploaders": (["kms:Decrypt", "kms:GenerateDataKey"], via_s3),
        "PeopleOperators": ("kms:Decrypt", via_s3),
    }


def test_the_access_logs_stay_under_the_only_key_that_s3_can_write_them_with(with_key: Resources) -> None:
    (logs,) = [each for each in with_key["AWS::S3::Bucket"] if each["LogicalId"].startswith("DatasetAccessLogs")]
    (rule,) = logs["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_a_key_of_another_region_is_refused(tmp_path: Path) -> None:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    configuration = Configuration.from_context((context | {"kms_key_arn": KEY}).get)
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path)), "Stack", env=cdk.Environment(region="eu-west-1"))
    with pytest.raises(ConfigurationError, match=r"a key in us-east-1, but the stack is deployed to eu-west-1"):
        customer_key(stack, configuration)
