"""Runs the pipeline's real handlers as Lambda would: by the template's functions, with their variables and limits."""

from __future__ import annotations

import importlib
import json
import os
import re
import threading
import traceback
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import timedelta
from typing import Any
from unittest import mock

import boto3
from pipeline import clients
from pipeline.steps import finalise

from stacks.template_text import named, readable
from tests.stacks.second_engine.account import Account, connect

HANDLER = re.compile(r"pipeline\.steps\.(\w+)\.handler")
Fault = str
"""before:NAME or after:NAME: the function ends with this error, without or with its work done; "": it does not."""


ONE_AT_A_TIME = threading.RLock()
"""Whoever tries an invocation several times holds it: the interpreter calls a Map's functions from threads."""


class FunctionError(Exception):
    """What Step Functions sees of a function that failed: the error's name, and its cause."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error)
        self.error, self.cause = error, cause


class Functions:
    """The stack's functions; `faults` are those of the next invocations of each, by the handler's file."""

    def __init__(self, account: Account, template: Mapping[str, Any]) -> None:
        self.account = account
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.invocations: list[str] = []
        self.before: dict[str, list[Callable[[], None]]] = defaultdict(list)
        """What happens just before a function's next invocations, one each."""
        self.answers: dict[str, Any] = {}
        """What a function answers instead of its handler."""
        self.variables = {"WATCH_INTERVAL_SECONDS": "300"}
        """What a test sets otherwise than the template: a fifth of the snapshots tell as much."""
        self.timeouts: dict[str, int] = {}
        """Seconds, by the handler's file."""
        self._environments: dict[str, dict[str, str]] = {}
        self.by_logical_name: dict[str, str] = {}
        for logical_id, resource in template["Resources"].items():
            if resource["Type"] != "AWS::Lambda::Function":
                continue
            properties = resource["Properties"]
            match = HANDLER.fullmatch(properties["Handler"])
            assert match is not None, properties["Handler"]
            name = match[1]
            self.by_logical_name[named(logical_id)] = name
            self.timeouts[name] = properties["Timeout"]
            variables = properties.get("Environment", {}).get("Variables", {})
            self._environments[name] = {key: _plain(readable(value)) for key, value in variables.items()}

    def invoke(self, name: str, payload: str) -> str:
        """The answer's JSON. Raises FunctionError."""
        self.invocations.append(name)
        if self.before[name]:
            self.before[name].pop(0)()
        fault = self.faults[name].pop(0) if self.faults[name] else ""
        when, _, error = fault.partition(":")
        if when == "before":
            raise FunctionError(error, "injected")
        if name in self.answers:
            return json.dumps(self.answers[name])
        clock = self.account.clock
        deadline = clock.now() + timedelta(seconds=self.timeouts[name])
        try:
            answer = json.dumps(self.handle(name, json.loads(payload)))
        except Exception as problem:
            failed: FunctionError | None = FunctionError(
                type(problem).__name__,
                json.dumps(
                    {
                        "errorMessage": str(problem),
                        "errorType": type(problem).__name__,
                        "stackTrace": traceback.format_exception(problem)[1:],
                    }
                ),
            )
        else:
            failed = FunctionError(error, "injected after the work was done") if when == "after" else None
        if clock.now() > deadline:
            raise FunctionError("Sandbox.Timedout", f"Task timed out after {self.timeouts[name]:.2f} seconds")
        if failed is not None:
            raise failed from None
        return answer

    def handle(self, name: str, event: Mapping[str, Any]) -> Any:
        """What the handler itself returns or raises; one at a time, since it changes what the whole process sees."""
        with ONE_AT_A_TIME:
            return self._handle(name, event)

    def _handle(self, name: str, event: Mapping[str, Any]) -> Any:
        module = importlib.import_module(f"pipeline.steps.{name}")
        _forget_clients()
        time = self.account.clock.datetime_class()
        environment = {"AWS_DEFAULT_REGION": "us-east-1", **self._environments[name], **self.variables}
        with (
            mock.patch.object(boto3, "client", connect(self.account)),
            mock.patch.dict(os.environ, environment),
            mock.patch.object(module, "datetime", time) if hasattr(module, "datetime") else nullcontext(),
            mock.patch.object(finalise, "datetime", time),  # which CleanUp and Sweep call
        ):
            try:
                return module.handler(event, None)
            finally:
                _forget_clients()


def _forget_clients() -> None:
    """Those that a function keeps while it is warm: other tests have others."""
    for attribute in vars(clients).values():
        if hasattr(attribute, "cache_clear"):
            attribute.cache_clear()


def _plain(value: str) -> str:
    """A value that only the deployment knows, as some name that botocore's models take."""
    value = re.sub(r"<(\w+)\.Arn>", r"arn:aws:iam::123456789012:role/\1", re.sub(r"\$\{[^}]*\}", "123456789012", value))
    return value.replace("<", "").replace(">", "")
