"""Starts an execution of the deployed state machine, or attaches to one, and follows its states and its jobs' logs.

It uses the APIs of Step Functions, SageMaker and CloudWatch Logs only, so it follows a run anywhere.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3
from botocore.exceptions import ClientError
from pipeline.aws_errors import error_code
from pipeline.job.description import instance_type
from pipeline.job.log import LOG_GROUP

from runs.execution_history import states_after
from runs.executions import wait_until_shown
from runs.state_input import text

ROUTINE_STATES = frozenset({"CostCounted", "Wait", "Watch", "WhatNext"})
"""The states around each snapshot of a job: its log and the snapshot say more than their names."""

EARLIER_LINES = 10
"""How many log lines from before the follower attached are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJobSummary:
    """What SageMaker says of a job that has ended."""

    name: str
    status: str
    instance_type: str
    model_artifact: str
    billable_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSummary:
    """An execution that has ended, with its last training job if it started one."""

    arn: str
    status: str
    error: str
    cause: str
    states: tuple[str, ...]
    job: TrainingJobSummary | None


class ExecutionFollower:
    """Follows one execution.

    `on_state` gets each state's name as it is entered, with the state's input; `on_log` each line of its training jobs'
    logs, without its line end.
    """

    def __init__(
        self,
        session: boto3.Session,
        *,
        on_state: Callable[[str, Mapping[str, Any]], None],
        on_log: Callable[[str], None],
        poll_seconds: float = 0.5,
    ) -> None:
        self._stepfunctions = session.client("stepfunctions")
        self._sagemaker = session.client("sagemaker")
        self._logs = session.client("logs")
        self._on_state, self._on_log = on_state, on_log
        self._poll_seconds = poll_seconds
        self._arn = ""
        self._states: list[str] = []
        self._last_event = 0
        self._job_name: str | None = None
        self._log_tokens: dict[str, str] = {}
        self._whole_log = True

    def start(self, state_machine_arn: str, request: Mapping[str, Any]) -> None:
        """Start the state machine with `request` as its input; `{}` means the defaults."""
        started = self._stepfunctions.start_execution(stateMachineArn=state_machine_arn, input=json.dumps(request))
        self._arn = started["executionArn"]
        wait_until_shown(self._stepfunctions, self._arn)

    def attach(self, execution_arn: str) -> None:
        """Follow a running or ended execution: all its states, and its log from about now on."""
        self._arn = execution_arn
        self._whole_log = False

    def wait_for_job(self) -> str | None:
        """Wait for the launch of a training job and return its name; None if the execution ends without one."""
        while self._poll() == "RUNNING" and self._job_name is None:
            time.sleep(self._poll_seconds)
        return self._job_name

    def wait_for_end(self) -> ExecutionSummary:
        """Return when the execution has ended, whatever its status."""
        while self._poll() == "RUNNING":
            time.sleep(self._poll_seconds)
        execution = self._stepfunctions.describe_execution(executionArn=self._arn)
        return ExecutionSummary(
            arn=self._arn,
            status=execution["status"],
            error=execution.get("error", ""),
            cause=execution.get("cause", ""),
            states=tuple(self._states),
            job=None if self._job_name is None else self._describe_job(self._job_name),
        )

    def _poll(self) -> str:
        """Report what is new; return the status from before that, so that the end is not missed."""
        status = self._stepfunctions.describe_execution(executionArn=self._arn)["status"]
        self._read_history()
        self._read_log()
        self._whole_log = True  # what comes from now on is new
        return status

    def _read_history(self) -> None:
        """Report states that were entered since the last call; the state after Launch names the job."""
        for state in states_after(self._stepfunctions, self._arn, self._last_event):
            self._last_event = state.event_id
            self._states.append(state.name)
            self._on_state(state.name, state.state_input)
            job = text(state.state_input, "job", "name")
            if job and job != self._job_name:
                self._read_log()  # the last lines of the job before
                self._job_name = job

    def _read_log(self) -> None:
        """Report the job's log lines since the last call."""
        if self._job_name is None:
            return
        try:
            streams = self._logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{self._job_name}/")
            for name in (stream["logStreamName"] for stream in streams["logStreams"]):
                self._read_stream(name)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":  # before the job's first line
                raise

    def _read_stream(self, name: str) -> None:
        read = partial(self._logs.get_log_events, logGroupName=LOG_GROUP, logStreamName=name)
        if name in self._log_tokens:
            events = read(nextToken=self._log_tokens[name], startFromHead=True)
        elif self._whole_log:
            events = read(startFromHead=True)
        else:
            events = read(startFromHead=False, limit=EARLIER_LINES)
        self._log_tokens[name] = events["nextForwardToken"]
        for event in events["events"]:
            self._on_log(event["message"].rstrip("\r\n"))

    def _describe_job(self, name: str) -> TrainingJobSummary:
        job = self._sagemaker.describe_training_job(TrainingJobName=name)
        return TrainingJobSummary(
            name=name,
            status=job["TrainingJobStatus"],
            instance_type=instance_type(job),
            model_artifact=job.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""),
            billable_seconds=job.get("BillableTimeInSeconds", 0),
        )
