"""ministack without the patches still lacks what each of them adds: a test that fails here says which patch can go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.local_aws.conftest import SECONDS

# Asks ministack's own functions, as they are installed.
UNPATCHED = """
import asyncio, io, json, os, sys, zipfile
from pathlib import Path
import ministack.core
from ministack import app
from ministack.core import iam_actions, lambda_runtime
from ministack.services import eventbridge, iam, lambda_svc, stepfunctions

def call(operation, **request):
    headers = {"x-amz-target": f"AWSStepFunctions.{operation}"}
    status, _, content = asyncio.run(stepfunctions.handle_request("POST", "/", headers, json.dumps(request).encode(), {}))
    return json.loads(content)

def answer_to_a_page():
    sent = []
    headers = [(b"host", b"evil.example"), (b"origin", b"https://evil.example")]
    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": headers}

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        sent.append(message)

    asyncio.run(app.app(scope, receive, send))
    return sent[0]["status"], [value.decode() for name, value in sent[0]["headers"] if name.lower().endswith(b"-origin")]

def credentials(enforced):
    app.AUTH = enforced
    config = {"FunctionName": "f", "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f", "Role": "r"}
    given = lambda_runtime.execution_credentials(config)["AWS_ACCESS_KEY_ID"]
    app.AUTH = False
    return given

def lambda_error(source):
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", source)
    name = f"f{len(source)}"
    config = {"FunctionName": name, "FunctionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}"}
    config |= {"Runtime": "python3.13", "Handler": "index.handler"}
    function = {"config": config, "code_zip": package.getvalue()}
    return lambda_svc._execute_function_warm(function, {}, "id")["body"]["errorType"]

events = []
eventbridge._put_events = lambda request, **_: events.append(json.loads(request["Entries"][0]["Detail"]))
execution = {"executionArn": "e", "stateMachineArn": "m", "name": "n", "status": "ABORTED", "events": []}
stepfunctions._emit_execution_status_event(execution)
stepfunctions._fail_execution(execution, "LateError", "of a task that ended after the stop")
def occurs(text, module):
    return text in Path(module.__file__).read_text()

form = {"ActionNames.member.1": "s3:GetObject", "ResourceArns.member.1": "a", "ResourceArns.member.2": "b"}
print(json.dumps({
    "simulated": iam._extract_simulate_params(form),
    "simulation": iam_actions.extract_resource_arn("iam", "POST", "/", {}, b"", {"PolicySourceArn": ["a"]}, "r", "1"),
    "limits": occurs("DataLimitExceeded", stepfunctions) or occurs("25000", stepfunctions) or occurs("25_000", stepfunctions),
    "throttled task": occurs("Lambda.TooManyRequestsException", stepfunctions),
    "retried event": occurs("invoke_async_with_retry", eventbridge),
    "machine's role": occurs("lambda:InvokeFunction", stepfunctions) or occurs("enforce", stepfunctions),
    "order": stepfunctions._execution_sort_key({"executionArn": "e", "stopDate": None, "startDate": "1", "redriveDate": "2"})[0],
    "redrive": call("RedriveExecution", executionArn="e"),
    "event": events[0],
    "late failure": execution["status"],
    "exception": lambda_error("def handler(event, context): raise KeyError('x')"),
    "import": lambda_error("import no_such_module"),
    "exit": lambda_error("import os\\ndef handler(event, context): os._exit(3)"),
    "page": answer_to_a_page(),
    "credentials": [credentials(False), credentials(True), credentials(True)],
    "tags": iam_actions.request_tag_context("cloudwatch", "cloudwatch:PutMetricData", b'{"Namespace": "Mine"}', {}),
    "map run": iam_actions.extract_resource_arn("states", "POST", "/", {}, b'{"mapRunArn": "arn"}', {}, "us-east-1", "1"),
    "namespace": [p.name for p in Path(ministack.core.__path__[0]).glob("*.py") if "cloudwatch:namespace" in p.read_text()],
}))
sys.stdout.flush()
os._exit(0)  # without waiting for the workers
"""  # noqa: E501


@pytest.fixture(scope="module")
def unpatched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("unpatched")
    done = subprocess.run(
        [sys.executable, "-c", UNPATCHED],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "LOG_LEVEL": "CRITICAL"},
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * SECONDS,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def test_redrive_is_missing(unpatched: dict[str, Any]) -> None:
    assert unpatched["redrive"]["__type"] == "InvalidAction"
    assert unpatched["event"]["redriveStatus"] == "NOT_REDRIVABLE"  # of an aborted execution
    assert unpatched["late failure"] == "FAILED"  # although it was aborted


def test_lambda_errors_have_no_names(unpatched: dict[str, Any]) -> None:
    assert unpatched["exception"] == "Runtime.HandlerError"
    assert unpatched["import"] == "RuntimeError"
    assert unpatched["exit"] == "Runtime.HandlerError"


def test_executions_have_no_limits_and_no_role(unpatched: dict[str, Any]) -> None:
    assert not unpatched["limits"]
    assert not unpatched["machine's role"]


def test_throttled_functions_have_no_error_name_and_events_are_not_tried_again(unpatched: dict[str, Any]) -> None:
    assert not unpatched["throttled task"]
    assert not unpatched["retried event"]


def test_a_redriven_execution_is_listed_by_its_start(unpatched: dict[str, Any]) -> None:
    assert unpatched["order"] == "1"


def test_the_namespace_of_metrics_is_no_condition_key(unpatched: dict[str, Any]) -> None:
    assert unpatched["tags"] == {}
    assert unpatched["namespace"] == []


def test_a_map_run_is_no_resource(unpatched: dict[str, Any]) -> None:
    assert unpatched["map run"] == "*"


def test_a_page_is_answered(unpatched: dict[str, Any]) -> None:
    assert unpatched["page"] == [200, ["*"]]


def test_a_functions_keys_can_be_calculated(unpatched: dict[str, Any]) -> None:
    account, *sessions = unpatched["credentials"]
    assert account == "000000000000"
    assert len(set(sessions)) == 1


def test_policies_are_simulated_for_the_first_resource_only_by_whom_all_are_allowed(unpatched: dict[str, Any]) -> None:
    assert unpatched["simulated"] == [["s3:GetObject"], "a"]
    assert unpatched["simulation"] == "*"  # on which a permission is needed
