"""How a run ended, and the one message that says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pipeline.errors import EXPECTED_ERRORS
from pipeline.execution import Execution
from pipeline.job_state import Progress
from pipeline.links import execution_link, job_link, log_group_link
from pipeline.pricing import PRICES_DATE, PRICES_REGION


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a failed execution ends with."""

    error: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of an execution and all that there is to tell about it."""

    execution: Execution
    ended: datetime
    failure: Failure | None
    state: Mapping[str, Any]
    """What the state machine carried at the end: request, dataset, job as far as it got."""
    job_name: str | None = None
    job: Progress | None = None
    starting_weights: str | None = None
    """One sentence on the weights that the job started from, where there is something to say."""
    note: str | None = None
    """What finalising had to do, such as stopping a job that still ran."""

    @property
    def status(self) -> str:
        """SUCCEEDED or FAILED, as Step Functions names them."""
        return "FAILED" if self.failure else "SUCCEEDED"

    def to_state(self) -> dict[str, Any]:
        """As the state machine carries it: Succeed's output, Fail's error and cause."""
        return {
            "status": self.status,
            "error": self.failure.error if self.failure else None,
            "cause": self.failure.cause if self.failure else None,
            "training_job_name": self.job_name,
            "starting_weights": self.starting_weights,
            "artifact_uri": self.job.artifact_uri if self.job else None,
            "report_uri": self.state.get("dataset", {}).get("report_uri"),
            "seconds": round(self._elapsed.total_seconds()),
            "billable_seconds": self.job.billable_seconds if self.job else 0,
            "cost_usd": self.job.cost_usd if self.job else 0.0,
        }

    @property
    def _elapsed(self) -> timedelta:
        return self.ended - self.execution.started

    def subject(self) -> str:
        """The message's subject: SNS takes up to 100 ASCII characters, none of them a control character."""
        end = f"failed ({self.failure.error})" if self.failure else "succeeded"
        text = f"floorplan-dino {end}: {self.execution.name}"
        return "".join(char if " " <= char <= "~" else "?" for char in text)[:100]

    def message(self) -> str:
        """The message's text: one line a fact."""
        region = self.execution.region
        request, dataset = self.state.get("request"), self.state.get("dataset")
        lines = [
            f"The run {self.execution.name} {self.status.lower()} after {_duration(self._elapsed)}.",
            f"{self.failure.error}: {self.failure.cause}" if self.failure else None,
            self.note,
            "",
            f"Execution: {execution_link(region, self.execution.arn)}",
            f"Request: {json.dumps(request)}" if request else None,
            f"Data set: {dataset['uri']}, {dataset['images']} images, {dataset['annotations']} boxes, "
            f"version {dataset['version']}, {dataset['verdict']}; report: {dataset['report_uri']}"
            if dataset
            else None,
        ]
        if self.job_name and self.job:
            lines += [
                f"Training job: {job_link(region, self.job_name)} ({self.job.status}, {self.job.secondary_status})",
                f"Log: {log_group_link(region, self.job_name)}",
                self.starting_weights,
                f"Model: {self.job.artifact_uri}" if self.job.artifact_uri else None,
                f"Cost of training: {self.job.cost_usd:.2f} USD for {self.job.billable_seconds:,} billable seconds "
                f"({PRICES_REGION} prices of {PRICES_DATE})",
            ]
        elif self.job_name is None:
            lines.append("No training job was started: no training cost.")
        return "\n".join(line for line in lines if line is not None)


def failure_of(state: Mapping[str, Any], execution: Execution) -> Failure | None:
    """The failure in the state: as a Catch put it there ({"Error", "Cause"}), or as a step's verdict did."""
    caught = state.get("failure")
    if caught is None:
        return None
    error, message = _unpacked(caught)
    if error in EXPECTED_ERRORS:
        return Failure(error=error, cause=message)
    link = execution_link(execution.region, execution.arn)
    return Failure(error=error, cause=f"The pipeline itself failed: {message or error}. See its event history: {link}")


def _unpacked(caught: Mapping[str, Any]) -> tuple[str, str]:
    """Error name and sentence; Lambda's Cause is JSON with errorType, errorMessage and the stack trace."""
    error, cause = str(caught.get("Error", "Unknown")), str(caught.get("Cause", ""))
    try:
        content = json.loads(cause)
    except ValueError:
        return error, cause
    if not isinstance(content, dict):
        return error, cause
    return error, str(content.get("errorMessage", cause))


def _duration(elapsed: timedelta) -> str:
    minutes, seconds = divmod(round(elapsed.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
