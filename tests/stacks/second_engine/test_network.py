"""The network fails under each function at each of its calls: it ends in time, as AwsUnavailable or with its work done.

A handler may be called again after any failure, so that one invocation can be tried with a failure at its first call,
at its second, and so on to the last.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any, Self

import pytest
from botocore.exceptions import ReadTimeoutError, SSLError
from botocore.response import StreamingBody
from pipeline.dataset import batches, validation
from urllib3.exceptions import IncompleteRead, ProtocolError
from urllib3.exceptions import ReadTimeoutError as BodyTimeout

from dataset_contract import file_facts
from tests.stacks.second_engine.account import Account, Call
from tests.stacks.second_engine.api_error import ApiError
from tests.stacks.second_engine.deployment import Deployment
from tests.stacks.second_engine.functions import ONE_AT_A_TIME
from tests.stacks.second_engine.job_courses import GOOD, STALLED

SILENT = ("resolve", "failed")
"""Functions that call nothing."""
MARGIN = timedelta(seconds=20)
"""For a function's start and its own work."""
Failure = Callable[[Account, Call], None]


def worst_seconds(config: Any) -> float:
    """How long a client waits for an endpoint that accepts a connection at the last moment and then says nothing."""
    attempts = config.retries["total_max_attempts"]
    assert config.retries["mode"] == "standard"
    pauses = sum(min(2**attempt, 20) for attempt in range(attempts - 1))
    return float(attempts * (config.connect_timeout + config.read_timeout) + pauses)


def hang(account: Account, call: Call) -> None:
    account.clock.advance(worst_seconds(call.config))
    raise ReadTimeoutError(endpoint_url=f"https://{call.service}")


def refuse_the_certificate(_account: Account, call: Call) -> None:
    raise SSLError(endpoint_url=f"https://{call.service}", error=OSError("bad record"))


def be_out_of_order(_account: Account, _call: Call) -> None:
    raise ApiError("503", "Slow down", 503)


FAILURES = (hang, refuse_the_certificate, be_out_of_order)


@pytest.fixture(autouse=True)
def in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a walk comes by all functions; image after image, so that the clock tells what a call took."""
    monkeypatch.setattr(validation, "LARGEST_WHOLE", 3)
    monkeypatch.setattr(batches, "BATCH_IMAGES", 4)
    monkeypatch.setattr(file_facts, "ThreadPoolExecutor", InTurn)


class InTurn:
    """A pool without threads, which reads nothing after a failure; those of a real pool fail at the same time."""

    def __init__(self, _workers: int) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    map = staticmethod(map)


def walk(deployment: Deployment, look: Callable[[str, dict[str, Any]], None]) -> None:
    """Runs that come by all functions; `look` sees each function's first invocation before it is made."""
    seen: set[str] = set()
    problems: list[AssertionError] = []
    invoke = deployment.functions.invoke

    def looking(name: str, payload: str) -> str:
        with ONE_AT_A_TIME:  # the map's functions come side by side, and the clock is one for all
            if name not in seen and name not in SILENT:
                try:
                    look(name, json.loads(payload))
                except AssertionError as problem:  # the interpreter would take it for the function's
                    problems.append(problem)
            seen.add(name)
        return invoke(name, payload)

    deployment.functions.invoke = looking  # type: ignore[method-assign]
    deployment.account.sagemaker.courses = [GOOD, STALLED]
    deployment.run()
    failed = deployment.run(name="run-2")
    deployment.functions.before["launch"].append(lambda: deployment.abort(deployment.running))
    deployment.run(name="run-3")
    deployment.delivers_events = False
    deployment.functions.before["watch"].append(lambda: deployment.abort(deployment.running))
    deployment.run(name="run-4")
    deployment.pass_time(30)
    if problems:
        raise AssertionError("; ".join(map(str, problems)))
    assert failed.now.status == "FAILED"
    assert seen == set(deployment.functions.timeouts)


def failing_from(number: int, failure: Failure, account: Account) -> Callable[[Call], None]:
    calls = iter(range(number))

    def fail(call: Call) -> None:
        if next(calls, None) is None:
            failure(account, call)

    return fail


@pytest.mark.parametrize("failure", FAILURES)
def test_a_function_ends_in_time_whatever_the_network_does(deployment: Deployment, failure: Failure) -> None:
    account, functions = deployment.account, deployment.functions

    def look(name: str, event: dict[str, Any]) -> None:
        for number in range(1000):
            made, began = len(account.calls), account.clock.now()
            account.before.append(failing_from(number, failure, account))
            error = None
            try:
                functions.handle(name, event)
            except Exception as raised:
                error = f"{type(raised).__name__}: {raised}"
            account.before.clear()
            took = account.clock.now() - began
            assert took + MARGIN <= timedelta(seconds=functions.timeouts[name]), f"{name} after {number} calls: {took}"
            if error is not None:
                assert error.startswith("AwsUnavailable: "), f"{name} after {number} calls: {error}"
            elif len(account.calls) - made <= number:
                assert number, f"{name} calls nothing"
                return

    walk(deployment, look)


class BrokenBody:
    """A socket that stalls, or breaks off, after half of what it has."""

    def __init__(self, body: bytes, error: Exception) -> None:
        self._parts = iter((body[: len(body) // 2],))
        self._error = error

    def read(self, _amount: int | None = None) -> bytes:
        part = next(self._parts, None)
        if part:
            return part
        raise self._error

    def close(self) -> None:
        pass


ERRORS = {
    "stalls": BodyTimeout(None, "https://s3", "Read timed out."),  # type: ignore[arg-type]
    "breaks off": ProtocolError("Connection broken", IncompleteRead(1, 2)),
    "is reset": ConnectionResetError(104, "Connection reset by peer"),
}


@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("times", [1, 1000], ids=["once", "always"])
def test_a_body_that_breaks_midway_is_read_to_its_end(deployment: Deployment, error: Exception, times: int) -> None:
    account, functions = deployment.account, deployment.functions

    def look(name: str, event: dict[str, Any]) -> None:
        broken: dict[str, int] = {}

        def open_body(key: str, body: bytes) -> StreamingBody:
            broken[key] = broken.get(key, 0) + 1
            raw = BrokenBody(body, error) if broken[key] <= times else BytesIO(body)
            return StreamingBody(raw, len(body))  # type: ignore[arg-type]

        account.s3.open_body = open_body
        try:
            functions.handle(name, event)
        except Exception as raised:
            if type(raised).__name__ != "AwsUnavailable" or times == 1:
                raise AssertionError(f"{name}: {type(raised).__name__}: {raised}") from raised
        finally:
            account.s3.open_body = None

    walk(deployment, look)
