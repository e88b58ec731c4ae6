"""What a person sees of an execution in the chaos run: that it goes on, or how it ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.end_to_end.deployed import Deployed


def describe(deployed: Deployed, arn: str) -> dict[str, Any]:
    """DescribeExecution's answer; one that is not shown yet goes on."""
    try:
        return dict(deployed.session.client("stepfunctions").describe_execution(executionArn=arn))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
            raise
        return {"status": "RUNNING"}


def end_of(described: dict[str, Any]) -> str:
    """The status, and the error or the decision: "FAILED OverBudget", "SUCCEEDED registered", "ABORTED"."""
    detail = described.get("error")
    if described["status"] == "SUCCEEDED":
        detail = json.loads(described["output"])["decision"]
    return " ".join(filter(None, [described["status"], detail]))


def within(seconds: float, happened: Callable[[], bool]) -> bool:
    """Whether it happened in that time."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
