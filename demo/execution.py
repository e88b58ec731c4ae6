"""Starts the deployed state machine and follows it to its end, with the training job's log.

It uses the public APIs of Step Functions, SageMaker and CloudWatch Logs only, so it follows a run on AWS as well.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import GetLogEventsRequestTypeDef
    from mypy_boto3_sagemaker.type_defs import DescribeTrainingJobResponseTypeDef

POLL_SECONDS = 0.5
LOG_GROUP = "/aws/sagemaker/TrainingJobs"


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """What SageMaker says of a job that has ended; times in seconds."""

    name: str
    status: str
    instance_type: str
    model_artifact: str
    seconds: float
    billable_seconds: int


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution that has ended, with its training job if it came so far."""

    arn: str
    status: str
    error: str
    cause: str
    states: tuple[str, ...]
    job: TrainingJob | None


class ExecutionFollower:
    """Follows one execution; `on_state` gets each state's name as it is entered, `on_log` each line of the job."""

    def __init__(
        self, session: boto3.Session, *, on_state: Callable[[str], None], on_log: Callable[[str], None]
    ) -> None:
        self._stepfunctions = session.client("stepfunctions")
        self._sagemaker = session.client("sagemaker")
        self._logs = session.client("logs")
        self._on_state, self._on_log = on_state, on_log
        self._arn = ""
        self._states: list[str] = []
        self._job_name: str | None = None
        self._log_tokens: dict[str, str] = {}

    def start(self, state_machine_arn: str, request: Mapping[str, Any]) -> None:
        """Start the state machine with `request` as its input; `{}` means the defaults."""
        started = self._stepfunctions.start_execution(stateMachineArn=state_machine_arn, input=json.dumps(request))
        self._arn = started["executionArn"]

    def wait_for_job(self) -> str | None:
        """The training job's name once it has been launched; None if the execution has ended without one."""
        while self._look() == "RUNNING" and self._job_name is None:
            time.sleep(POLL_SECONDS)
        return self._job_name

    def wait_for_end(self) -> Execution:
        """Return when the execution has ended, however it did."""
        while self._look() == "RUNNING":
            time.sleep(POLL_SECONDS)
        execution = self._stepfunctions.describe_execution(executionArn=self._arn)
        return Execution(
            arn=self._arn,
            status=execution["status"],
            error=execution.get("error", ""),
            cause=execution.get("cause", ""),
            states=tuple(self._states),
            job=None if self._job_name is None else self._describe_job(self._job_name),
        )

    def _look(self) -> str:
        """Report what is new; return the execution's status from before, so that nothing of its end is missed."""
        status = self._stepfunctions.describe_execution(executionArn=self._arn)["status"]
        self._read_history()
        self._read_log()
        return status

    def _read_history(self) -> None:
        """Report states that were entered since the last call, and learn the job's name from the Launch state."""
        pages = self._stepfunctions.get_paginator("get_execution_history").paginate(executionArn=self._arn)
        events = [event for page in pages for event in page["events"]]
        entered = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
        for name in entered[len(self._states) :]:
            self._on_state(name)
        self._states = entered
        for event in events:
            details = event.get("stateExitedEventDetails")
            if details is not None and details["name"] == "Launch":  # left by Catch as well, without a job
                self._job_name = json.loads(details["output"]).get("job", {}).get("name")

    def _read_log(self) -> None:
        """Report the job's log lines that came since the last call."""
        if self._job_name is None:
            return
        try:
            streams = self._logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{self._job_name}/")
            for name in (stream["logStreamName"] for stream in streams["logStreams"]):
                request: GetLogEventsRequestTypeDef = {
                    "logGroupName": LOG_GROUP,
                    "logStreamName": name,
                    "startFromHead": True,
                }
                if name in self._log_tokens:
                    request["nextToken"] = self._log_tokens[name]
                events = self._logs.get_log_events(**request)
                self._log_tokens[name] = events["nextForwardToken"]
                for event in events["events"]:
                    self._on_log(event["message"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":  # until the job's first line
                raise

    def _describe_job(self, name: str) -> TrainingJob:
        job = self._sagemaker.describe_training_job(TrainingJobName=name)
        return TrainingJob(
            name=name,
            status=job["TrainingJobStatus"],
            instance_type=job["ResourceConfig"].get("InstanceType", ""),
            model_artifact=job.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""),
            seconds=_training_seconds(job),
            billable_seconds=job.get("BillableTimeInSeconds", 0),
        )


def _training_seconds(job: DescribeTrainingJobResponseTypeDef) -> float:
    """How long the job trained, without waiting for an instance."""
    return _seconds(job.get("TrainingStartTime"), job.get("TrainingEndTime"))


def _seconds(start: datetime | None, end: datetime | None) -> float:
    return 0.0 if start is None or end is None else (end - start).total_seconds()
