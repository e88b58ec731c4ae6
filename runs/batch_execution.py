"""The batches, which are executions of the serving stack's state machine: the one that runs, a new one, and its end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from botocore.exceptions import ClientError
from pipeline.aws_errors import error_code
from pipeline.client_types import S3Client, SFNClient
from pipeline.s3_layout import BATCH_LISTS

from dataset_contract.bounded_json import JsonError, parse_bounded
from dataset_contract.sanitise import sanitise
from dataset_prep.progress import Advance
from runs.errors import RunsError
from runs.executions import name_of, wait_until_shown

POLL_SECONDS = 2.0
_REASONS = 20
"""Of so many plans that failed, the reason is looked up."""


def running_batch(stepfunctions: SFNClient, state_machine_arn: str) -> str | None:
    """The ARN of the batch that runs; None if none does."""
    listed = stepfunctions.list_executions(stateMachineArn=state_machine_arn, statusFilter="RUNNING", maxResults=1)[
        "executions"
    ]
    return listed[0]["executionArn"] if listed else None


def start_batch(
    stepfunctions: SFNClient, s3: S3Client, state_machine_arn: str, bucket: str, keys: Sequence[str], *, now: datetime
) -> str:
    """Start a batch, named by the time, of the plans with these keys; its ARN."""
    name = f"batch-{now.astimezone(UTC):%Y%m%d-%H%M%S-%f}"
    listed = f"{BATCH_LISTS}{name}.json"
    body = json.dumps([{"plan": key} for key in keys]).encode()
    s3.put_object(Bucket=bucket, Key=listed, Body=body, ContentType="application/json", ChecksumAlgorithm="SHA256")
    try:
        started = stepfunctions.start_execution(
            stateMachineArn=state_machine_arn, name=name, input=json.dumps({"plans": listed})
        )
    except ClientError as error:
        if error_code(error) == "ExecutionAlreadyExists":
            raise RunsError(f"A batch {name} was started at the same moment: try again.") from None
        raise
    wait_until_shown(stepfunctions, started["executionArn"])
    return started["executionArn"]


def follow_batch(stepfunctions: SFNClient, arn: str, advance: Advance) -> None:
    """Return when the batch has ended; `advance` hears of each plan. Raises RunsError if it failed or was stopped."""
    known = 0
    while True:
        execution = stepfunctions.describe_execution(executionArn=arn)
        for run in _map_runs(stepfunctions, arn):
            counts = stepfunctions.describe_map_run(mapRunArn=run)["itemCounts"]
            done = counts["succeeded"] + counts["failed"] + counts["timedOut"] + counts["aborted"]
            if done > known:
                advance(done - known)
                known = done
        if execution["status"] != "RUNNING":
            break
        time.sleep(POLL_SECONDS)
    if execution["status"] != "SUCCEEDED":
        why = sanitise(f"{execution.get('error', '')}: {execution.get('cause', '')}".strip(": "), longest=300)
        raise RunsError(
            f"The batch {name_of(arn)} is {execution['status']}{f' ({why})' if why else ''}: repeat the command, which "
            "takes the plans that have no answer yet."
        )


def failures(stepfunctions: SFNClient, arn: str) -> dict[str, str]:
    """Why the function failed, by the key of the plan; of the first that are found."""
    found: dict[str, str] = {}
    for run in _map_runs(stepfunctions, arn):
        listed = stepfunctions.list_executions(mapRunArn=run, statusFilter="FAILED", maxResults=_REASONS)
        for child in listed["executions"]:
            execution = stepfunctions.describe_execution(executionArn=child["executionArn"])
            plan = _field(execution.get("input", ""), "plan")
            message = _field(execution.get("cause", ""), "errorMessage") or execution.get("cause", "")
            found[plan] = f"{execution.get('error', '')}: {message}"
    return found


def _map_runs(stepfunctions: SFNClient, arn: str) -> Iterator[str]:
    for run in stepfunctions.list_map_runs(executionArn=arn)["mapRuns"]:
        yield run["mapRunArn"]


def _field(content: str, name: str) -> str:
    """A text of a JSON object; empty if there is none."""
    try:
        value = parse_bounded(content)
    except JsonError:
        return ""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""
