"""Lambda functions that fail as on AWS, and are killed during a call when a test says so; with their own credentials.

ministack 1.5.33 reports every exception as Runtime.HandlerError, so that no Retry or Catch that names an error matches.
Here a worker calls the handler through handler_wrapper.py, and what that reports becomes the function's error.
And ministack gives a function the account's number as its access key, or with IAM enforced a session whose secret
anyone can calculate. Here it gets this run's credentials of the root user, or a random session of its role.
Layers are left out: their packages are built for Lambda's Python, and this one has its own, as it has boto3.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

from local_aws.ministack_patches.handler_wrapper import MARK
from local_aws.ministack_patches.iam_questions import role_credentials

ENTRY = "_local_aws_entry"
WRAPPER = Path(__file__).with_name("handler_wrapper.py")
# What Python writes between an exception's traceback and that of the HandlerError raised from it.
CAUSED = "\nThe above exception was the direct cause of the following exception:"


def apply() -> None:
    """Start every Python worker with the wrapper and its credentials, and translate what it reports."""
    lambda_runtime: Any = importlib.import_module("ministack.core.lambda_runtime")
    lambda_svc: Any = importlib.import_module("ministack.services.lambda_svc")

    class WrappingWorker(lambda_runtime.Worker):  # type: ignore[misc] # ministack has no types
        def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
            if config.get("Runtime", "python").startswith("python"):
                code_zip = with_entry(code_zip, config.get("Handler", "index.handler"))
                config = config | {"Handler": f"{ENTRY}.handler", "Layers": []}
            super().__init__(func_name, config, code_zip)

    lambda_runtime.Worker = WrappingWorker
    execute = lambda_svc._execute_function_warm

    def execute_with_error_names(func: dict[str, Any], event: object, request_id: str) -> dict[str, Any]:
        result: dict[str, Any] = execute(func, event, request_id)
        if result.get("error") and isinstance(result.get("body"), dict):
            result["body"] = aws_error(result["body"]) | {"requestId": request_id}
            result["log"] = result.get("log", "").partition(CAUSED)[0]
        return result

    lambda_svc._execute_function_warm = execute_with_error_names
    lambda_runtime.execution_credentials = lambda_svc.execution_credentials = credentials_of


def credentials_of(config: dict[str, Any]) -> dict[str, str]:
    """The AWS_* variables of a function's credentials."""
    if importlib.import_module("ministack.app").AUTH:
        return role_credentials({"role": config["Role"], "session": config["FunctionName"]})
    return {name: os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}


def with_entry(code_zip: bytes, handler: str) -> bytes:
    """The function's package with a module whose `handler` calls the function's own."""
    package = io.BytesIO(code_zip)
    with zipfile.ZipFile(package, "a") as archive:
        archive.writestr(f"{ENTRY}.py", f"{WRAPPER.read_text()}\n\nhandler = load({handler!r})\n")
    return package.getvalue()


def aws_error(body: dict[str, Any]) -> dict[str, Any]:
    """What AWS Lambda's Python runtime answers in place of ministack's error body."""
    message = str(body.get("errorMessage", ""))
    _, mark, report = message.partition(MARK)
    if mark:
        error: dict[str, Any] = json.loads(report)
        return error
    return body | ({"errorType": "Runtime.ExitError"} if message == "Worker process died" else {})
