"""An execution that has ended: its outcome, and the subject and text of the one message that reports it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from dataset_contract.sanitise import sanitise
from pipeline.ending.execution_state import ExecutionState
from pipeline.ending.outcome import Failure, Outcome
from pipeline.execution import Execution
from pipeline.instance_types import instances_name
from pipeline.job.cost import JobsCost
from pipeline.job.description import has_completed, instance_count, instance_type
from pipeline.links import execution_link, folder_link, job_link, log_group_link
from pipeline.name_list import name_list
from pipeline.request import FIELDS
from pipeline.state import to_state


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedExecution:
    """All that there is to tell about it."""

    execution: Execution
    ended: datetime
    failure: Failure | None
    state: ExecutionState = field(default_factory=ExecutionState)
    jobs: Sequence[Mapping[str, Any]] = ()
    """DescribeTrainingJob's answers about all jobs of the execution, in the order of their creation."""
    cost: JobsCost
    starting_weights: str | None = None
    """One sentence on the weights that the jobs started from, where there is something to say."""
    notes: Sequence[str] = ()
    """What finalising did or could not do, such as stopping a job that still ran."""

    @property
    def outcome(self) -> Outcome:
        """As the state machine carries it."""
        judgement, dataset = self.state.judgement, self.state.dataset
        names = tuple(job["TrainingJobName"] for job in self.jobs)
        return Outcome(
            status="FAILED" if self.failure else "SUCCEEDED",
            error=self.failure.error if self.failure else None,
            cause=self.failure.cause if self.failure else None,
            redrive_count=self.execution.redrive_count,
            decision=judgement.decision if judgement else None,
            sentence=judgement.sentence if judgement else None,
            training_job_name=names[-1] if names else None,
            training_job_names=names,
            starting_weights=self.starting_weights,
            artifact_uri=self._artifact_uri,
            model_package_arn=judgement.model_package_arn if judgement else None,
            metrics_uri=judgement.metrics_uri if judgement else None,
            comparisons=judgement.comparisons if judgement else (),
            comparison_uri=judgement.comparison_uri if judgement else None,
            report_uri=dataset.report_uri if dataset and dataset.is_reported else None,
            seconds=round(self._elapsed.total_seconds()),
            billable_seconds=self.cost.billable_seconds,
            cost_usd=self.cost.usd,
            spot_saving=self.cost.spot_saving,
        )

    @property
    def _elapsed(self) -> timedelta:
        return self.ended - self.execution.started

    @property
    def _artifact_uri(self) -> str | None:
        """The model of the last job that completed: the artifact of another one holds no model."""
        completed = [job for job in self.jobs if has_completed(job, self.execution.region)]
        judgement = self.state.judgement
        if judgement and judgement.decision == "interrupted":  # no job has completed with a model since
            return None
        return completed[-1].get("ModelArtifacts", {}).get("S3ModelArtifacts") if completed else None

    def subject(self) -> str:
        """The message's subject: SNS takes up to 100 ASCII characters, none of them a control character."""
        outcome = self.outcome
        reason = outcome.error or outcome.decision
        text = f"floorplan-dino {outcome.status.lower()}{f' ({reason})' if reason else ''}: {self.execution.name}"
        return "".join(char if " " <= char <= "~" else "?" for char in text)[:100]

    def message(self) -> str:
        """The message's text: one line a fact."""
        outcome, region = self.outcome, self.execution.region
        lines = [
            f"The run {self.execution.name} {outcome.status.lower()} after {_duration(self._elapsed)}.",
            f"{outcome.error}: {outcome.cause}" if self.failure else None,
            outcome.sentence,
            *outcome.comparisons,
            *self.notes,
            "",
            f"Execution: {execution_link(region, self.execution.arn)}",
            *self._input_lines(),
            *(self._job_lines(outcome) if self.jobs else []),
        ]
        if not self.jobs and not self.notes:
            lines.append("No training job was started: no training cost.")
        return "\n".join(sanitise(line, longest=4000) for line in lines if line is not None)

    def _input_lines(self) -> list[str]:
        """Request, data set, and the quote unless it was refused: then it is the failure's cause already."""
        request, dataset, quote = self.state.request, self.state.dataset, self.state.quote
        lines = []
        if request:
            lines.append(f"Request: {json.dumps({name: to_state(getattr(request, name)) for name in FIELDS})}")
        if dataset:
            classes = f", classes {name_list(dataset.classes, most=20)}" if dataset.classes else ""
            lines.append(
                f"Data set: {dataset.uri}, {dataset.images} images, {dataset.annotations} boxes{classes}, "
                f"version {dataset.version}, {dataset.status}"
                + (f"; report: {dataset.report_uri}, and .html as a page" if dataset.is_reported else "")
            )
        return [*lines, f"Quote: {quote.sentence}", *quote.notes] if quote and quote.accepted else lines

    def _job_lines(self, outcome: Outcome) -> list[str | None]:
        region, package = self.execution.region, outcome.model_package_arn
        checkpoints = self.jobs[-1].get("CheckpointConfig", {}).get("S3Uri")
        return [
            *(
                f"Training job: {job_link(region, job['TrainingJobName'])} ("
                f"{instances_name([instance_type(job)], instance_count(job))}, "
                f"{job['TrainingJobStatus']}, {job.get('SecondaryStatus', '')})"
                for job in self.jobs
            ),
            f"Log: {log_group_link(region, str(outcome.training_job_name))}",
            f"Validation pictures, TensorBoard events: {folder_link(region, checkpoints)}" if checkpoints else None,
            self.starting_weights,
            f"Model: {outcome.artifact_uri}" if outcome.artifact_uri else None,
            f"Metrics: {outcome.metrics_uri}" if outcome.metrics_uri else None,
            f"Comparison: {outcome.comparison_uri}" if outcome.comparison_uri else None,
            f"Registered, pending approval: {package}. To accept it: aws sagemaker update-model-package "
            f"--model-package-arn {package} --model-approval-status Approved"
            if package
            else None,
            self._cost_line(),
        ]

    def _cost_line(self) -> str:
        count = "" if len(self.jobs) == 1 else f" in {len(self.jobs)} jobs"
        saving = f"; spot saved {self.cost.spot_saving:.0%}" if self.cost.spot_saving is not None else ""
        line = f"Cost of training: {self.cost.usd:.2f} USD for {self.cost.billable_seconds:,} billable seconds{count}"
        return f"{line} ({self.cost.price_source}{saving})" + ("" if self.cost.is_final else ", not billed in full yet")


def _duration(elapsed: timedelta) -> str:
    minutes, seconds = divmod(round(elapsed.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
