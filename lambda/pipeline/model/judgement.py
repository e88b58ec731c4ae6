"""What a completed training job is worth: the full run may follow, the model is registered, or what falls short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pipeline.aws_errors import raising_unavailable
from pipeline.errors import TrainingFailed
from pipeline.execution import Execution
from pipeline.job.cost import usd_per_hour
from pipeline.job.state import billable_seconds, describe_job, instance_type
from pipeline.model.artifact_metrics import Artifact, read_artifact
from pipeline.model.quality_gate import shortfalls
from pipeline.model.registry import AP, DATASET_VERSION, last_accepted, make_group, register_model
from pipeline.quote.records import StageRecord, write_record
from pipeline.request import Request
from pipeline.s3_layout import metrics_key, uri
from pipeline.settings import JudgeSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on one completed run."""

    action: Literal["next_run", "registered", "gate_not_met", "unhealthy"]
    sentence: str
    """The verdict with its figures, for people."""
    attempt: dict[str, int] | None = None
    """For "next_run": what Launch is to start."""
    artifact_uri: str
    metrics_uri: str | None
    """The trainer's metrics.json beside the report; None if there was none."""
    ap: float | None
    f1: float | None
    f1_by_class: Mapping[str, float | None]
    model_package_arn: str | None = None

    def to_state(self) -> dict[str, Any]:
        """As the state machine carries it."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedRun:
    """What Judge is told."""

    request: Request
    dataset: Mapping[str, Any]
    quote: Mapping[str, Any]
    job: Mapping[str, Any]
    """$.job."""
    artifact_uri: str
    execution: Execution
    settings: JudgeSettings
    now: datetime

    @property
    def is_last(self) -> bool:
        """Whether no run of the request follows."""
        return bool(self.job["run"] + 1 == len(self.request.runs))


def judge_run(sagemaker: SageMakerClient, s3: S3Client, run: CompletedRun) -> Judgement:
    """Read the artifact, keep what the run took, and decide. Raises TrainingFailed, AwsUnavailable."""
    artifact = read_artifact(s3, run.artifact_uri)
    _keep_record(sagemaker, s3, run, artifact)
    metrics_uri = _keep_metrics(s3, run, artifact)
    if not run.is_last:
        return _test_run(run, artifact, metrics_uri)
    if artifact.metrics is None or metrics_uri is None:
        return _judgement("gate_not_met", f"The gate is not met: {artifact.complaint}", run, artifact, metrics_uri)
    make_group(sagemaker, run.settings.model_package_group)
    accepted = last_accepted(sagemaker, run.settings.model_package_group)
    short = shortfalls(
        artifact.metrics,
        gate=run.request.quality_gate,
        accepted=accepted,
        dataset_version=run.dataset["version"],
    )
    if short:
        return _judgement("gate_not_met", f"The gate is not met: {' '.join(short)}", run, artifact, metrics_uri)
    package = register_model(
        sagemaker,
        group=run.settings.model_package_group,
        image=run.settings.training_image,
        model_uri=run.artifact_uri,
        metrics_uri=metrics_uri,
        description=f"{_figures(artifact)} Trained by the execution {run.execution.name}.",
        metadata=_metadata(run, artifact),
        execution=run.execution,
    )
    compared = f" It is compared with {accepted.arn}." if accepted else " No model was accepted before it."
    sentence = f"The gate is met. {_figures(artifact)}{compared} The model is registered, pending approval: {package}"
    return _judgement("registered", sentence, run, artifact, metrics_uri, package=package)


def _test_run(run: CompletedRun, artifact: Artifact, metrics_uri: str | None) -> Judgement:
    """A run that another follows, if it was healthy: too short for the ten minutes is good enough, if the loss fell."""
    health = artifact.health
    if health is None:
        sentence = f"The next run was not started: the model {run.artifact_uri} has no health.json that could be read."
        return _judgement("unhealthy", sentence, run, artifact, metrics_uri)
    if health.status == "unhealthy":
        sentence = f"The next run was not started: {' '.join(health.failed_messages)}"
        return _judgement("unhealthy", sentence, run, artifact, metrics_uri)
    sentence = f"The run was good, so the next one follows. {' '.join(health.passed_messages)} {_figures(artifact)}"
    attempt = {"run": run.job["run"] + 1, "choice": 0, "number": run.job["number"] + 1}
    return _judgement("next_run", sentence.rstrip(), run, artifact, metrics_uri, attempt=attempt)


def _judgement(
    action: Literal["next_run", "registered", "gate_not_met", "unhealthy"],
    sentence: str,
    run: CompletedRun,
    artifact: Artifact,
    metrics_uri: str | None,
    *,
    package: str | None = None,
    attempt: dict[str, int] | None = None,
) -> Judgement:
    metrics = artifact.metrics
    return Judgement(
        action=action,
        sentence=sentence,
        attempt=attempt,
        artifact_uri=run.artifact_uri,
        metrics_uri=metrics_uri,
        ap=metrics.ap if metrics else None,
        f1=metrics.f1 if metrics else None,
        f1_by_class=metrics.f1_by_class if metrics else {},
        model_package_arn=package,
    )


def _keep_record(sagemaker: SageMakerClient, s3: S3Client, run: CompletedRun, artifact: Artifact) -> None:
    """For the next quotes; without the trainer's own clock there is nothing to learn."""
    name = run.job["name"]
    job = describe_job(sagemaker, name)
    if job is None:
        raise TrainingFailed(f"The training job {name} does not exist any more: somebody deleted it. Start again.")
    if artifact.health is None or artifact.health.seconds <= 0:
        return
    billed = billable_seconds(job, now=run.now)
    ended: datetime = job.get("TrainingEndTime", run.now)
    record = StageRecord(
        execution_arn=run.execution.arn,
        training_job_name=name,
        recipe=run.request.runs[run.job["run"]].recipe,
        instance_type=instance_type(job),
        spot=run.job["spot"],
        dataset_version=run.dataset["version"],
        training_images=run.dataset["splits"]["train"],
        epochs=run.request.runs[run.job["run"]].epochs,
        trainer_seconds=artifact.health.seconds,
        job_seconds=job.get("TrainingTimeInSeconds", billed),
        billable_seconds=billed,
        usd_per_hour=usd_per_hour(job, run.quote),
        ended=ended.isoformat(),
    )
    write_record(s3, bucket=run.settings.bucket, execution_name=run.execution.name, run=run.job["run"], record=record)


def _keep_metrics(s3: S3Client, run: CompletedRun, artifact: Artifact) -> str | None:
    """metrics.json beside the report, where it can be read without the model; returns its place."""
    if artifact.metrics_file is None:
        return None
    key = metrics_key(run.execution.name, run.job["run"])
    with raising_unavailable():
        s3.put_object(Bucket=run.settings.bucket, Key=key, Body=artifact.metrics_file, ContentType="application/json")
    return uri(run.settings.bucket, key)


def _figures(artifact: Artifact) -> str:
    if artifact.metrics is None:
        return ""
    classes = (
        f"F1 of {name} {'without a box' if f1 is None else f'{f1:.4f}'}"
        for name, f1 in artifact.metrics.f1_by_class.items()
    )
    return ", ".join([f"AP {artifact.metrics.ap:.4f}", f"F1 {artifact.metrics.f1:.4f}", *classes]) + "."


def _metadata(run: CompletedRun, artifact: Artifact) -> dict[str, str]:
    metrics = artifact.metrics
    assert metrics is not None
    return {
        AP: f"{metrics.ap:.6f}",
        "f1": f"{metrics.f1:.6f}",
        DATASET_VERSION: run.dataset["version"],
        "execution": run.execution.arn,
        "training_job": run.job["name"],
        "report": run.dataset["report_uri"],
    } | {f"f1.{name}": f"{f1:.6f}" for name, f1 in metrics.f1_by_class.items() if f1 is not None}
