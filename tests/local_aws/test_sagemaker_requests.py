"""The SageMaker server refuses what AWS refuses, with AWS's error codes."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from local_aws.signature import sign
from loopback.callers import Request
from tests.local_aws.conftest import BUCKET, Account, channel

VALIDATION = "ValidationException"


def post(account: Account, target: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    """Send bytes as they are, signed; return the status and the answer."""
    endpoint = account.aws.environment["AWS_ENDPOINT_URL_SAGEMAKER"]
    given = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    head = Request("POST", "/", [*given.items(), ("Host", urlsplit(endpoint).netloc)])
    signed = sign(head, body, service="sagemaker", environment=account.aws.environment)
    request = urllib.request.Request(endpoint, data=body, headers=given | signed | headers)  # noqa: S310  the loopback
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def create(account: Account, request: dict[str, Any]) -> tuple[str, str]:
    """Code and message with which CreateTrainingJob answers `request`, whatever the SDK would say to it."""
    status, answer = post(account, "SageMaker.CreateTrainingJob", json.dumps(request).encode())
    assert status == 400, answer
    return answer["__type"], answer["message"]


def stopping(**condition: int) -> dict[str, Any]:
    return {"StoppingCondition": condition}


SPOT = {"EnableManagedSpotTraining": True}
CAPACITY = {"InstancePreferences": [{"InstanceType": "ml.g5.2xlarge", "InstanceCount": 1}]}


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        # The service model: required members, patterns, lengths, enumerations, types.
        ({"OutputDataConfig": None}, VALIDATION, "'outputDataConfig' failed to satisfy constraint: Member must not"),
        ({"TrainingJobName": "under_score"}, VALIDATION, "'trainingJobName' failed to satisfy constraint"),
        ({"TrainingJobName": "x" * 64}, VALIDATION, "less than or equal to 63"),
        ({"TrainingJobName": "ends-with-dash-"}, VALIDATION, "regular expression pattern"),
        ({"HyperParameters": {"k": "v" * 2501}}, VALIDATION, "less than or equal to 2500"),
        ({"HyperParameters": {f"k{n}": "v" for n in range(101)}}, VALIDATION, "less than or equal to 100"),
        ({"HyperParameters": {"epochs": 5}}, "SerializationException", "int cannot be read as string"),
        ({"HyperParameters": ["epochs"]}, "SerializationException", "list cannot be read as map"),
        ({"Tags": [{"Key": f"k{n}", "Value": "v"} for n in range(51)]}, VALIDATION, "less than or equal to 50"),
        ({"Tags": [{"Key": "k", "Value": "a;b"}]}, VALIDATION, "'tags.1.member.value' failed"),
        ({"RoleArn": "arn:aws:iam::1:role/short-account"}, VALIDATION, "'roleArn' failed"),
        ({"Environment": {"1X": "v"}}, VALIDATION, "regular expression pattern"),
        ({"EnableManagedSpotTraining": "yes"}, "SerializationException", "str cannot be read as boolean"),
        # Rules between members.
        (SPOT, VALIDATION, "Invalid MaxWaitTimeInSeconds. It must be present"),
        (SPOT | stopping(MaxRuntimeInSeconds=60, MaxWaitTimeInSeconds=59), VALIDATION, "MaxWaitTime"),
        (stopping(MaxRuntimeInSeconds=60, MaxWaitTimeInSeconds=60), VALIDATION, "MaxWaitTime"),
        (stopping(MaxRuntimeInSeconds=0), VALIDATION, "greater than or equal to 1"),
        (stopping(MaxPendingTimeInSeconds=60), VALIDATION, "greater than or equal to 1800"),
        (stopping(MaxRuntimeInSeconds=5 * 86400 + 1), "ResourceLimitExceeded", "Longest run time"),
        (stopping(MaxRuntimeInSeconds=28 * 86400 + 1), VALIDATION, "28 days"),
        ({"ResourceConfig": None}, VALIDATION, "ResourceConfig is required"),
        ({"ResourceConfig": {"InstanceCount": 1}}, VALIDATION, "InstanceType is required"),
        ({"ResourceConfig": {"InstanceType": "ml.g5.2xlarge"}}, VALIDATION, "InstanceCount must be at least 1"),
        ({"ResourceConfig": {"InstanceType": "ml.h200.xlarge", "InstanceCount": 1}}, VALIDATION, "enum value set"),
        ({"ResourceConfig": CAPACITY | {"InstanceType": "ml.g5.xlarge"}}, VALIDATION, "mutually exclusive"),
        (
            SPOT | stopping(MaxRuntimeInSeconds=9, MaxWaitTimeInSeconds=9) | {"ResourceConfig": CAPACITY},
            VALIDATION,
            "EnableManagedSpotTraining are mutually exclusive",
        ),
        ({"ResourceConfig": CAPACITY | {"SelectedInstanceType": "ml.g5.xlarge"}}, VALIDATION, "read-only"),
        (
            {"ResourceConfig": {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeKmsKeyId": "key"}},
            VALIDATION,
            "local storage",
        ),
        ({"Tags": [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]}, VALIDATION, "Duplicate tag keys"),
        ({"Tags": [{"Key": "aws:k", "Value": "1"}]}, VALIDATION, "aws: prefixed"),
        # What it refers to.
        ({"RoleArn": "arn:aws:iam::000000000000:role/missing"}, VALIDATION, "Could not assume role"),
        ({"InputDataConfig": [channel("code", f"s3://{BUCKET}/nothing/")]}, VALIDATION, "No S3 objects found"),
        ({"InputDataConfig": [channel("code", "s3://no-such-bucket/x")]}, VALIDATION, "bucket does not exist"),
        ({"InputDataConfig": [channel("a", "s3://b/c"), channel("a", "s3://b/c")]}, VALIDATION, "must be unique"),
        # What AWS can do and this server cannot is told apart from what AWS refuses.
        (
            {
                "ResourceConfig": {
                    "InstancePreferences": [
                        {"InstanceType": "ml.g5.xlarge", "InstanceCount": 1},
                        {"InstanceType": "ml.g6.xlarge", "InstanceCount": 2},
                    ]
                }
            },
            "NotEmbedded",
            "different InstanceCounts",
        ),
    ],
)  # fmt: skip
def test_create_training_job_refuses(account: Account, changes: dict[str, Any], code: str, words: str) -> None:
    refused, message = create(account, account.request(**changes))
    assert refused == code
    assert words in message


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"TrainingImage": "pytorch:2.13"}, VALIDATION, "Invalid image"),
        ({"TrainingImage": None}, VALIDATION, "algorithm name or the training image"),
        ({"TrainingInputMode": "Files"}, VALIDATION, "enum value set: [FastFile, File, Pipe]"),
        ({"ContainerEntrypoint": ["x" * 257]}, VALIDATION, "less than or equal to 256"),
        ({"ContainerEntrypoint": ["a\nb"]}, VALIDATION, "regular expression pattern"),
        ({"ContainerEntrypoint": None}, "NotEmbedded", "ContainerEntrypoint"),
        ({"MetricDefinitions": [{"Name": "m", "Regex": "("}]}, VALIDATION, "Invalid regular expression for metric m"),
        ({"MetricDefinitions": [{"Name": "m", "Regex": "loss"}]}, VALIDATION, "no group"),
        ({"MetricDefinitions": [{"Name": "m", "Regex": "(" + "x" * 500}]}, VALIDATION, "less than or equal to 500"),
        ({"MetricDefinitions": [{"Name": f"m{n}", "Regex": "(x)"} for n in range(41)]}, VALIDATION, "or equal to 40"),
    ],
)
def test_create_training_job_refuses_algorithms(
    account: Account, changes: dict[str, Any], code: str, words: str
) -> None:
    request = account.request()
    algorithm = request["AlgorithmSpecification"] | changes
    request["AlgorithmSpecification"] = {name: value for name, value in algorithm.items() if value is not None}
    refused, message = create(account, request)
    assert refused == code
    assert words in message


def test_all_violations_are_told_at_once(account: Account) -> None:
    code, message = create(account, account.request(TrainingJobName="_", RoleArn="arn"))
    assert code == VALIDATION
    assert message.startswith("3 validation errors detected: ")  # the role is too short, and no role


def test_a_role_that_does_not_trust_sagemaker_is_refused(account: Account) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = account.client("iam").create_role(
        RoleName="of-a-function",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    code, message = create(account, account.request(RoleArn=role))
    assert code == VALIDATION
    assert "allows principal 'sagemaker.amazonaws.com'" in message


def test_unknown_jobs_are_refused_as_aws_does(account: Account) -> None:
    sagemaker = account.client("sagemaker")
    for call in (sagemaker.describe_training_job, sagemaker.stop_training_job):
        with pytest.raises(ClientError, match=r"\(ValidationException\).*Requested resource not found"):
            call(TrainingJobName="never-created")
    arn = "arn:aws:sagemaker:us-east-1:000000000000:training-job/never-created"
    with pytest.raises(ClientError, match=r"\(ResourceNotFound\)"):
        sagemaker.list_tags(ResourceArn=arn)


def test_requests_that_are_none(account: Account) -> None:
    target = "SageMaker.DescribeTrainingJob"
    assert post(account, target, b"{")[1]["__type"] == "SerializationException"
    assert post(account, target, b"[]")[1]["__type"] == "SerializationException"
    assert post(account, "SageMaker.MakeCoffee", b"{}")[1]["__type"] == "UnknownOperationException"
    assert post(account, "SageMaker.CreateModel", b"{}")[0] == 400
    assert post(account, "SageMaker.ListEndpoints", b"{}")[1]["__type"] == "NotEmbedded"
    assert (
        post(account, target, b'{"TrainingJobName": "x"}', authorization="")[1]["__type"]
        == "MissingAuthenticationToken"
    )
