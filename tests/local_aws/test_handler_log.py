"""A function's log on the embedded AWS has what the function logs, as Lambda's runtime writes it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

from local_aws.ministack_patches.lambda_workers import WRAPPER

HANDLER = """
import logging
logging.getLogger("botocore").debug("too much")
def handler(event, context):
    logging.getLogger("step").info("%s: %s", "watch", "decision", extra={"decision": {"action": "wait"}})
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger("step").exception("it went wrong")
"""
CALL = """
from types import SimpleNamespace
from handler_wrapper import load
load("index.handler")({}, SimpleNamespace(function_name="f", aws_request_id="id-1"))
"""


def test_each_record_is_a_line_of_json_with_its_extra_fields(tmp_path: Path) -> None:
    (tmp_path / "index.py").write_text(HANDLER)
    (tmp_path / "handler_wrapper.py").write_text(WRAPPER.read_text())
    environment = {"LOCAL_AWS_CRASHES": str(tmp_path), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CALL], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "", "which belongs to ministack"
    decided, wrong = map(json.loads, done.stderr.splitlines())
    assert decided.pop("timestamp")[-1] == "Z"
    assert decided == {
        "level": logging.getLevelName(logging.INFO),
        "message": "watch: decision",
        "logger": "step",
        "requestId": "id-1",
        "decision": {"action": "wait"},
    }
    assert (wrong["level"], "ZeroDivisionError" in wrong["stackTrace"]) == ("ERROR", True)
