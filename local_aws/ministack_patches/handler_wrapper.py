"""Goes between ministack's worker and a function's handler: names the handler's exception, or kills the worker.

lambda_workers.py puts this file into the function's package, so it uses the standard library only.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[[Any, Any], Any]

MARK = "\u0000lambda-error\u0000"
IMPORT_ERRORS = ((ImportError, "Runtime.ImportModuleError"), (SyntaxError, "Runtime.UserCodeSyntaxError"))


class HandlerError(Exception):
    """Its text carries what Lambda reports of the handler's exception, behind the mark: ministack passes texts only."""

    def __init__(self, error: Exception, error_type: str) -> None:
        frames = error.__traceback__.tb_next if error.__traceback__ else None  # without this file's own
        report = {"errorMessage": str(error), "errorType": error_type, "stackTrace": traceback.format_tb(frames)}
        super().__init__(MARK + json.dumps(report))


def load(name: str) -> Handler:
    """Import the handler "module.function" and wrap it. Raises HandlerError."""
    module, _, function = name.replace("/", ".").rpartition(".")
    try:
        handler: Handler = getattr(importlib.import_module(module), function)
    except Exception as error:
        names = [name for kind, name in IMPORT_ERRORS if isinstance(error, kind)]
        raise HandlerError(error, names[0] if names else type(error).__name__) from error

    def call(event: object, context: Any) -> Any:  # noqa: ANN401  whatever the handler takes and gives
        die_if_told(context.function_name, "before")
        try:
            result = handler(event, context)
        except Exception as error:
            raise HandlerError(error, type(error).__name__) from error
        die_if_told(context.function_name, "after")
        return result

    return call


def die_if_told(function: str, moment: str) -> None:
    """Kill this process if local_aws.faults left a file that says so; the process that removes it is killed."""
    folder = os.environ["LOCAL_AWS_CRASHES"]
    for name in os.listdir(folder):  # noqa: PTH208  pathlib would have to be imported in every worker
        if name.startswith(f"{function}.{moment}."):
            try:
                os.unlink(os.path.join(folder, name))  # noqa: PTH108, PTH118
            except FileNotFoundError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
