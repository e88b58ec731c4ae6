"""`python -m local_aws` tells a person how to use it, and ends without a trace."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local_aws.conftest import SECONDS
from tests.local_aws.test_ministack import listening_sockets, port_of

ROOT = Path(__file__).resolve().parents[2]


def test_help_has_an_example() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local_aws", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "cdk deploy" in done.stdout


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_what_to_set_and_ends_when_told(end: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "local_aws"],
        cwd=ROOT,
        env=os.environ | {"AWS_PROFILE": "of-the-person"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            printed = "".join(iter(process.stdout.readline, "cdk bootstrap && cdk deploy --require-approval never\n"))
            assert re.search(r"^unset .*\bAWS_PROFILE\b", printed, re.MULTILINE)
            endpoint = re.search(r"export AWS_ENDPOINT_URL=(\S+)", printed)
            assert endpoint
            sockets = listening_sockets(port_of(endpoint[1]))
            assert sockets
            process.send_signal(end)
            words, complaints = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    assert (process.returncode, complaints) == (0, "")
    assert "is gone" in words
    assert not sockets & listening_sockets(port_of(endpoint[1]))
