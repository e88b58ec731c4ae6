"""What AWS refuses, and what keeps a command from asking it, is one sentence that says what to do."""

import os
import signal
from pathlib import Path
from typing import Any, cast

import pytest
from boto3.exceptions import RetriesExceededError
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidConfigError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    ProfileNotFound,
    ReadTimeoutError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from pipeline.errors import AwsUnavailable

from runs import __main__ as command
from tests.runs.cloud_in_memory import Cloud, refusal


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoCredentialsError(), "aws configure"),
        (EOFError(), "asks for a code, and nobody can type it here"),
        (NoRegionError(), "AWS_DEFAULT_REGION"),
        (UnauthorizedSSOTokenError(), "run `aws sso login`"),
        (SSOTokenLoadError(error_msg="Token for x does not exist"), "run `aws sso login`"),
        (TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"), "run `aws sso login`"),
        (CredentialRetrievalError(provider="custom-process", error_msg="no"), "run `aws sso login`"),
        (ProfileNotFound(profile="x"), "`aws configure list-profiles`"),
        (EndpointConnectionError(endpoint_url="https://states-fips.eu-west-1.amazonaws.com"), "AWS_USE_FIPS_ENDPOINT"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "could not be reached"),
        (refusal("ExpiredToken", "The token is expired", "DescribeStacks"), "expired"),
        (refusal("UnrecognizedClientException", "The token is invalid", "DescribeStacks"), "does not know"),
        (refusal("AccessDenied", "not authorized", "DescribeStacks"), "may not do that (DescribeStacks)"),
        (refusal("Throttling", "Rate exceeded", "DescribeStacks"), "(DescribeStacks: Rate exceeded): try again in a"),
        (refusal("SlowDown", "Reduce your request rate.", "GetObject"), "AWS is busy or out of reach (GetObject: Red"),
        (AwsUnavailable("ListModelPackages: Rate exceeded"), "busy or out of reach (ListModelPackages: Rate exceeded)"),
        (
            refusal("InvalidSignatureException", "Signature expired: 1 is now earlier than 2", "Describe"),
            "clock is not",
        ),
        (refusal("SignatureDoesNotMatch", "Signature not yet current: 3 is later", "DescribeStacks"), "clock is not"),
        (
            refusal("RequestTimeTooSkewed", "The difference between the request time and the current time", "Get"),
            "set it and repeat the command",
        ),
        (refusal("InvalidSignatureException", "The request signature does not match", "Describe"), "does not know"),
        (refusal("403", "Forbidden", "HeadObject"), "may not do that (HeadObject)"),
        (
            RetriesExceededError(cast("Any", ReadTimeoutError(endpoint_url="https://s3"))),
            'Read timeout on endpoint URL: "https://s3"',
        ),
        (ParamValidationError(report="Invalid length for parameter StackName"), "correct what the command names"),
        (InvalidConfigError(error_msg="No such profile"), "cannot be used (No such profile): correct what"),
        (InvalidRegionError(region_name="us east 1"), "cannot be used (Provided region_name 'us east 1'"),
    ],
)
def test_what_aws_refuses_is_one_sentence(
    error: ClientError, said: str, cloud: Cloud, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise error

    monkeypatch.setattr(cloud, "describe_stacks", refuse)
    assert command.main([]) == 1
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("AWS_ENDPOINT_URL", "nonsense", "Invalid endpoint: nonsense"),
        ("AWS_MAX_ATTEMPTS", "many", "invalid literal for int"),
        ("AWS_CONFIG_FILE", "credential_process = echo hello", "JSONDecodeError"),
        ("AWS_CONFIG_FILE", "credential_process = /nowhere/at all", "No such file or directory"),
        ("AWS_PROFILE", "nobody", "The config profile (nobody) could not be found: set AWS_PROFILE"),
    ],
)
def test_a_configuration_that_makes_no_session_is_one_sentence(
    *,
    variable: str,
    value: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What botocore itself has no error for is Python's."""
    if variable == "AWS_CONFIG_FILE":
        (tmp_path / "config").write_text(f"[default]\n{value}\n")
        value = str(tmp_path / "config")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv(variable, value)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert command.main([]) == 1
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "operation"),
    [
        ([], "list_executions"),
        (["stop"], "list_executions"),
        (["follow", "good"], "describe_execution"),
        (["stop", "running"], "stop_execution"),
        (["start"], "start_execution"),
    ],
)
@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "StateMachineDoesNotExist"])
def test_what_step_functions_refuses_is_not_taken_for_a_run_that_is_not_there(
    *,
    arguments: list[str],
    operation: str,
    code: str,
    cloud: Cloud,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(**_: Any) -> None:
        raise refusal(code, "said by AWS", operation)

    monkeypatch.setattr(cloud, operation, refuse)
    assert command.main(arguments) == 1
    shown = capsys.readouterr().err
    assert any(said in shown for said in (f"({operation}): said", f"{operation} ({code}): said", f"({operation}: said"))
    assert shown.count("\n") == 1
