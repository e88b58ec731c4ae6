"""Goes between ministack's worker and a function's handler: logs, names exceptions, or kills the worker.

lambda_workers.py puts this file into the function's package, so it uses the standard library only.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[[Any, Any], Any]

MARK = "\u0000lambda-error\u0000"
_OWN_FIELDS = frozenset(logging.makeLogRecord({}).__dict__)
IMPORT_ERRORS = ((ImportError, "Runtime.ImportModuleError"), (SyntaxError, "Runtime.UserCodeSyntaxError"))


class HandlerError(Exception):
    """Its text carries what Lambda reports of the handler's exception, behind the mark: ministack passes texts only."""

    def __init__(self, error: Exception, error_type: str) -> None:
        frames = error.__traceback__.tb_next if error.__traceback__ else None  # without this file's own
        report = {"errorMessage": str(error), "errorType": error_type, "stackTrace": traceback.format_tb(frames)}
        super().__init__(MARK + json.dumps(report))


class JsonLines(logging.Formatter):
    """Lines as Lambda's runtime writes them for a function whose log format is JSON."""

    request_id = ""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of JSON, with what was given as `extra`."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "timestamp": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": self.request_id,
        }
        if record.exc_info:
            line["stackTrace"] = self.formatException(record.exc_info)
        extra = {name: value for name, value in record.__dict__.items() if name not in _OWN_FIELDS}
        return json.dumps(line | extra, default=str)


def load(name: str) -> Handler:
    """Import the handler "module.function" and wrap it. Raises HandlerError."""
    lines = JsonLines()
    to_log = logging.StreamHandler()  # ministack takes what is written to stderr for the function's log
    to_log.setFormatter(lines)
    logging.basicConfig(level=logging.INFO, handlers=[to_log])
    version = ".".join(map(str, sys.version_info[:2]))
    os.environ["AWS_EXECUTION_ENV"] = f"AWS_Lambda_python{version}"  # as Lambda has it; SDKs add it to their user agent
    module, _, function = name.replace("/", ".").rpartition(".")
    try:
        handler: Handler = getattr(importlib.import_module(module), function)
    except Exception as error:
        names = [name for kind, name in IMPORT_ERRORS if isinstance(error, kind)]
        raise HandlerError(error, names[0] if names else type(error).__name__) from error

    def call(event: object, context: Any) -> Any:  # noqa: ANN401  whatever the handler takes and gives
        lines.request_id = context.aws_request_id
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
