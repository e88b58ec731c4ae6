"""How a run ended, and the one message that says so."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dataset_contract.sanitise import sanitise
from pipeline.errors import EXPECTED_ERRORS
from pipeline.execution import Execution
from pipeline.job.cost import JobsCost
from pipeline.job.state import has_completed, instance_type
from pipeline.links import execution_link, job_link, log_group_link


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
    """What the state machine carried at the end: request, dataset, quote, judgement as far as it got."""
    jobs: Sequence[Mapping[str, Any]] = ()
    """DescribeTrainingJob's answers about all jobs of the execution, in the order of their creation."""
    cost: JobsCost
    starting_weights: str | None = None
    """One sentence on the weights that the jobs started from, where there is something to say."""
    notes: Sequence[str] = ()
    """What finalising had to do or could not do, such as stopping a job that still ran."""

    @property
    def status(self) -> str:
        """SUCCEEDED or FAILED, as Step Functions names them."""
        return "FAILED" if self.failure else "SUCCEEDED"

    @property
    def _elapsed(self) -> timedelta:
        return self.ended - self.execution.started

    @property
    def _judgement(self) -> Mapping[str, Any]:
        judgement: Mapping[str, Any] = self.state.get("judgement", {})
        return judgement

    @property
    def artifact_uri(self) -> str | None:
        """The model of the last job that completed; of others SageMaker packs what there is: no model."""
        completed = [job for job in self.jobs if has_completed(job, self.execution.region)]
        return completed[-1].get("ModelArtifacts", {}).get("S3ModelArtifacts") if completed else None

    def to_state(self) -> dict[str, Any]:
        """As the state machine carries it: Succeed's output, and what the step Failed raises."""
        return {
            "status": self.status,
            "error": self.failure.error if self.failure else None,
            "cause": self.failure.cause if self.failure else None,
            "redrive_count": self.execution.redrive_count,
            "verdict": self._judgement.get("action"),
            "verdict_sentence": self._judgement.get("sentence"),
            "training_job_name": self.jobs[-1]["TrainingJobName"] if self.jobs else None,
            "training_job_names": [job["TrainingJobName"] for job in self.jobs],
            "starting_weights": self.starting_weights,
            "artifact_uri": self.artifact_uri,
            "model_package_arn": self._judgement.get("model_package_arn"),
            "metrics_uri": self._judgement.get("metrics_uri"),
            "report_uri": self.state.get("dataset", {}).get("report_uri"),
            "seconds": round(self._elapsed.total_seconds()),
            "billable_seconds": self.cost.billable_seconds,
            "cost_usd": self.cost.usd,
            "spot_saving": self.cost.spot_saving,
        }

    def subject(self) -> str:
        """The message's subject: SNS takes up to 100 ASCII characters, none of them a control character."""
        verdict = self._judgement.get("action")
        end = f"failed ({self.failure.error})" if self.failure else f"succeeded ({verdict})" if verdict else "succeeded"
        text = f"floorplan-dino {end}: {self.execution.name}"
        return "".join(char if " " <= char <= "~" else "?" for char in text)[:100]

    def message(self) -> str:
        """The message's text: one line a fact."""
        region = self.execution.region
        request, dataset = self.state.get("request"), self.state.get("dataset")
        lines = [
            f"The run {self.execution.name} {self.status.lower()} after {_duration(self._elapsed)}.",
            f"{self.failure.error}: {self.failure.cause}" if self.failure else None,
            self._judgement.get("sentence"),
            *self.notes,
            "",
            f"Execution: {execution_link(region, self.execution.arn)}",
            f"Request: {json.dumps(request)}" if request else None,
            f"Data set: {dataset['uri']}, {dataset['images']} images, {dataset['annotations']} boxes, "
            f"version {dataset['version']}, {dataset['verdict']}; report: {dataset['report_uri']}, and .html as a page"
            if dataset
            else None,
            *self._quote_lines(),
            *self._job_lines(),
        ]
        return "\n".join(sanitise(line, longest=4000) for line in lines if line is not None)

    def _quote_lines(self) -> list[str]:
        """What the jobs were to cost, beside what they did; a refused quote is the failure's cause already."""
        quote = self.state.get("quote")
        if not quote or not quote["accepted"] or "sentence" not in quote:  # that of an earlier deployment's has none
            return []
        return [f"Quote: {quote['sentence']}", *quote["notes"]]

    def _job_lines(self) -> list[str | None]:
        if not self.jobs:
            return [] if self.notes else ["No training job was started: no training cost."]
        region = self.execution.region
        last, judgement = self.jobs[-1]["TrainingJobName"], self._judgement
        package = judgement.get("model_package_arn")
        return [
            *(
                f"Training job: {job_link(region, job['TrainingJobName'])} ({instance_type(job)}, "
                f"{job['TrainingJobStatus']}, {job.get('SecondaryStatus', '')})"
                for job in self.jobs
            ),
            f"Log: {log_group_link(region, last)}",
            self.starting_weights,
            f"Model: {self.artifact_uri}" if self.artifact_uri else None,
            f"Metrics: {judgement['metrics_uri']}" if judgement.get("metrics_uri") else None,
            f"Registered, pending approval: {package}. To accept it: aws sagemaker update-model-package "
            f"--model-package-arn {package} --model-approval-status Approved"
            if package
            else None,
            self._cost_line(),
        ]

    def _cost_line(self) -> str:
        """The real cost, once all jobs have been billed."""
        count = "" if len(self.jobs) == 1 else f" in {len(self.jobs)} jobs"
        saving = f"; spot saved {self.cost.spot_saving:.0%}" if self.cost.spot_saving is not None else ""
        line = f"Cost of training: {self.cost.usd:.2f} USD for {self.cost.billable_seconds:,} billable seconds{count}"
        return f"{line} ({self.cost.price_source}{saving})" + ("" if self.cost.is_final else ", not billed in full yet")


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
