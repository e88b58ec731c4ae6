"""Lambda functions that fail as on AWS: with their exception's name, and killed in mid-run when a test says so."""

from __future__ import annotations

import importlib
import json
from typing import Any

from .rewriting import replace_each

MARK = "\u0000lambda-error\u0000"

# What the worker script of 1.5.33 answers when the handler, or the import of its module, raises: the message only.
HANDLER_ANSWER = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
IMPORT_ANSWER = '{"status": "error", "error": str(e)}'
# AWS names the class, and gives the stack trace as a list.
ERROR_WITH_CLASS = (
    f'{MARK!r} + json.dumps({{"errorMessage": str(e), "errorType": type(e).__name__,'
    ' "stackTrace": traceback.format_tb(e.__traceback__.tb_next)})'
)
HANDLER_CALL = "            result = handler_fn(event, context)\n"
# A file for each death, as local_aws.faults writes them; who removes it dies of it.
DEATH = """
import os, signal
def _die_if_told(function, moment):
    folder = os.environ["LOCAL_AWS_CRASHES"]
    for name in os.listdir(folder):
        if name.startswith(f"{function}.{moment}."):
            try:
                os.unlink(os.path.join(folder, name))
            except FileNotFoundError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
"""


def apply() -> None:
    """Patch ministack's worker script, and how its answer is read.

    ministack 1.5.33 answers `Runtime.HandlerError` for all exceptions, and so no Retry or Catch of a state machine that
    names an error would ever match.
    """
    lambda_runtime: Any = importlib.import_module("ministack.core.lambda_runtime")
    lambda_svc: Any = importlib.import_module("ministack.services.lambda_svc")

    lambda_runtime._PYTHON_WORKER_SCRIPT = DEATH + replace_each(
        lambda_runtime._PYTHON_WORKER_SCRIPT,
        {
            HANDLER_CALL: (
                '            _die_if_told(_function_name, "before")\n'
                f"{HANDLER_CALL}"
                '            _die_if_told(_function_name, "after")\n'
            ),
            **{
                answer: answer.replace('"error": str(e)', f'"error": {ERROR_WITH_CLASS}')
                for answer in (HANDLER_ANSWER, IMPORT_ANSWER)
            },
        },
        "the Lambda worker",
    )
    execute = lambda_svc._execute_function_warm

    def execute_with_error_names(func: dict[str, Any], event: object, request_id: str) -> dict[str, Any]:
        result: dict[str, Any] = execute(func, event, request_id)
        if result.get("error") and isinstance(result.get("body"), dict):
            result["body"] = aws_error(result["body"]) | {"requestId": request_id}
        return result

    lambda_svc._execute_function_warm = execute_with_error_names


def aws_error(body: dict[str, Any]) -> dict[str, Any]:
    """Translate ministack's error body into what AWS Lambda's Python runtime answers."""
    before, mark, encoded = str(body.get("errorMessage", "")).partition(MARK)
    if mark:
        error: dict[str, Any] = json.loads(encoded)
        # Only an import failure comes with words before the mark.
        if before and error["errorType"] in ("ImportError", "ModuleNotFoundError"):
            error["errorType"] = "Runtime.ImportModuleError"
        elif before and error["errorType"] in ("SyntaxError", "IndentationError"):
            error["errorType"] = "Runtime.UserCodeSyntaxError"
        return error
    if body.get("errorMessage") == "Worker process died":
        return body | {"errorType": "Runtime.ExitError"}
    return body
