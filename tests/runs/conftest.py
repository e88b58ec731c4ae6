"""The cloud that `python -m runs` finds in the tests of its commands."""

import signal

import boto3
import pytest

from runs import __main__ as command
from tests.runs.cloud_in_memory import Cloud
from tests.runs.example_runs import bad, good, running


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud(running(), bad(), good())
    monkeypatch.setattr(boto3, "Session", lambda: cloud)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(command, "POLL_SECONDS", 0)
    return cloud
