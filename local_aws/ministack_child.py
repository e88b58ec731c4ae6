"""The program that ministack runs in: serves it on a socket it inherits, and keeps the names of Lambda errors.

Run as a file with -I by ministack_process.py, never imported, so that the project is not importable from ministack
or from a Lambda function. Usage: python -I ministack_child.py FILE_DESCRIPTOR
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import json
import logging
import sys
from typing import Any

PATCHED_VERSION = "1.5.33"
MARK = "\u0000lambda-error\u0000"

# What the worker script of 1.5.33 answers when the handler, or the import of its module, raises: the message only.
HANDLER_ANSWER = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
IMPORT_ANSWER = '{"status": "error", "error": str(e)}'
# AWS names the class, and gives the stack trace as a list.
ERROR_WITH_CLASS = (
    f'{MARK!r} + json.dumps({{"errorMessage": str(e), "errorType": type(e).__name__,'
    ' "stackTrace": traceback.format_tb(e.__traceback__.tb_next)})'
)


def check_version() -> None:
    """Raise SystemExit with a sentence when ministack is not the version that keep_error_names was made for."""
    installed = importlib.metadata.version("ministack")
    if installed != PATCHED_VERSION:
        sys.exit(
            f"{__file__} repairs the names of Lambda errors in ministack {PATCHED_VERSION}, but {installed} is"
            " installed: run `make setup`, or check the repair against the new version and change PATCHED_VERSION."
        )


def keep_error_names() -> None:
    """Make a failing Lambda function answer with its exception's class as errorType, as on AWS.

    ministack 1.5.33 answers `Runtime.HandlerError` for all of them, and so no Retry or Catch of a state machine that
    names an error would ever match.
    """
    lambda_runtime: Any = importlib.import_module("ministack.core.lambda_runtime")
    lambda_svc: Any = importlib.import_module("ministack.services.lambda_svc")

    script: str = lambda_runtime._PYTHON_WORKER_SCRIPT
    for answer in (HANDLER_ANSWER, IMPORT_ANSWER):
        if script.count(answer) != 1:
            sys.exit(f"ministack's Lambda worker no longer contains {answer}: adapt {__file__} to it.")
        script = script.replace(answer, answer.replace('"error": str(e)', f'"error": {ERROR_WITH_CLASS}'))
    lambda_runtime._PYTHON_WORKER_SCRIPT = script

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


def main(descriptor: int) -> None:
    """Serve until killed."""
    check_version()
    keep_error_names()
    # Imported here, so that a version that does not fit is a sentence before it is a broken import.
    hypercorn_config: Any = importlib.import_module("hypercorn.config")
    hypercorn_asyncio: Any = importlib.import_module("hypercorn.asyncio")
    ministack_app: Any = importlib.import_module("ministack.app")
    config = hypercorn_config.Config()
    config.bind = [f"fd://{descriptor}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    logging.getLogger("hypercorn.access").disabled = True
    asyncio.run(hypercorn_asyncio.serve(ministack_app.app, config))


if __name__ == "__main__":
    main(int(sys.argv[1]))
