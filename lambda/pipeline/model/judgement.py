"""Judges a completed stage: the next stage may follow, its model is registered, or what falls short."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pipeline.aws_errors import raising_unavailable
from pipeline.client_types import S3Client, SageMakerClient
from pipeline.dataset.validation import DatasetCheck
from pipeline.execution import Execution
from pipeline.job.cost import usd_per_hour
from pipeline.job.description import billable_seconds, instance_count, instance_type, require_job
from pipeline.job.evaluated_epochs import cost_of_last_epochs
from pipeline.job.launched_job import Attempt, LaunchedJob
from pipeline.model.artifact_metrics import Artifact, SplitMetrics, read_artifact
from pipeline.model.quality_gate import gate_of, shortfalls
from pipeline.model.registry import AP, DATASET_VERSION, last_accepted, make_group, register_model
from pipeline.name_list import name_list
from pipeline.quote.cost_quote import Quote
from pipeline.quote.records import StageRecord, write_record
from pipeline.request import Request
from pipeline.s3_layout import comparison_key, metrics_key, uri
from pipeline.settings import JudgeSettings
from training_code.training_settings import json_values, to_text

Decision = Literal["next_stage", "interrupted", "registered", "gate_not_met", "unhealthy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """`$.judgement`: what was decided about one completed stage."""

    decision: Decision
    sentence: str
    """The decision with its figures, for people."""
    attempt: Attempt | None = None
    """For "next_stage" and "interrupted": what Launch is to start."""
    artifact_uri: str
    metrics_uri: str | None
    """The trainer's metrics.json beside the report; None if there was none."""
    ap: float | None
    f1: float | None
    f1_by_class: Mapping[str, float | None]
    model_package_arn: str | None = None
    comparisons: tuple[str, ...] = ()
    """How the model compares with the baselines: sentences for people."""
    comparison_uri: str | None = None
    """The trainer's comparison.json beside the report; None if there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedStage:
    """A completed stage with all that its judgement needs."""

    request: Request
    dataset: DatasetCheck
    quote: Quote
    job: LaunchedJob
    artifact_uri: str
    execution: Execution
    settings: JudgeSettings
    now: datetime

    @property
    def is_last(self) -> bool:
        """Whether no stage of the request follows."""
        return self.job.stage + 1 == len(self.request.stages)

    @property
    def is_compared(self) -> bool:
        """Whether its job was given baselines."""
        return self.is_last and self.quote.baselines is not None

    def dataset_version(self, artifact: Artifact) -> str:
        """The version of the data set that was trained on, by the trainer's own word."""
        assert self.dataset.version is not None, "only a valid data set is trained on"
        return (artifact.metrics and artifact.metrics.dataset_version) or self.dataset.version


def judge_stage(sagemaker: SageMakerClient, s3: S3Client, stage: CompletedStage) -> Judgement:
    """Read the artifact, record what the stage took, and decide. Raises TrainingFailed, AwsUnavailable."""
    artifact = read_artifact(s3, stage.artifact_uri, compared=stage.is_compared)
    if stage.job.spot and stage.job.stop is None and not artifact.has_model:
        return _interrupted(stage, artifact)
    job = require_job(sagemaker, stage.job.name)
    _keep_record(s3, stage, artifact, job)
    metrics_uri = _keep_metrics(s3, stage, artifact)
    figures = " ".join([_figures(artifact), *_epochs(stage, artifact, job)])
    if not stage.is_last:
        return _judge_by_health(stage, artifact, metrics_uri, figures)
    if artifact.metrics is None or metrics_uri is None:
        return _judgement("gate_not_met", f"The gate is not met: {artifact.complaint}", stage, artifact, metrics_uri)
    make_group(sagemaker, stage.settings.model_package_group)
    accepted = last_accepted(sagemaker, stage.settings.model_package_group)
    gate, note = gate_of(stage.request, stage.dataset.classes, ())
    short = shortfalls(artifact.metrics, gate=gate, accepted=accepted, dataset_version=stage.dataset_version(artifact))
    if short:
        sentence = " ".join(["The gate is not met:", *short, *note, figures])
        return _judgement("gate_not_met", sentence, stage, artifact, metrics_uri)
    package = register_model(
        sagemaker,
        group=stage.settings.model_package_group,
        image=stage.settings.training_image,
        model_uri=stage.artifact_uri,
        metrics_uri=metrics_uri,
        description=f"{_figures(artifact)} Trained by the execution {stage.execution.name}.",
        metadata=_metadata(stage, artifact),
        execution=stage.execution,
    )
    compared = f" It is compared with {accepted.arn}." if accepted else " No model was accepted before it."
    met = " ".join(["The gate is met.", *note])
    sentence = f"{met} {figures}{compared} The model is registered, pending approval: {package}"
    return _judgement("registered", sentence, stage, artifact, metrics_uri, package=package)


def _interrupted(stage: CompletedStage, artifact: Artifact) -> Judgement:
    """The trainer exits with 0 and without a model when it was asked to stop: SageMaker may take that for completed."""
    sentence = (
        f"The training job {stage.job.name} completed without a model, as when its spot instance is taken. The next "
        "job goes on from its last checkpoint."
    )
    attempt = Attempt(stage=stage.job.stage, choice=stage.job.choice, number=stage.job.number + 1)
    return _judgement("interrupted", sentence, stage, artifact, None, attempt=attempt)


def _judge_by_health(stage: CompletedStage, artifact: Artifact, metrics_uri: str | None, figures: str) -> Judgement:
    """Of a stage before the last: the next one follows unless it was unhealthy; too short to tell is good enough."""
    health = artifact.health
    if health is None:
        sentence = f"The next stage was not started: the model {stage.artifact_uri} has no readable health.json."
        return _judgement("unhealthy", sentence, stage, artifact, metrics_uri)
    if health.status == "unhealthy":
        sentence = f"The next stage was not started: {' '.join(health.failed_messages)}"
        return _judgement("unhealthy", sentence, stage, artifact, metrics_uri)
    sentence = f"The stage was good, so the next one follows. {' '.join(health.passed_messages)} {figures}"
    attempt = Attempt(stage=stage.job.stage + 1, choice=0, number=stage.job.number + 1)
    return _judgement("next_stage", sentence.rstrip(), stage, artifact, metrics_uri, attempt=attempt)


def _judgement(
    decision: Decision,
    sentence: str,
    stage: CompletedStage,
    artifact: Artifact,
    metrics_uri: str | None,
    *,
    package: str | None = None,
    attempt: Attempt | None = None,
) -> Judgement:
    metrics = artifact.metrics
    return Judgement(
        decision=decision,
        sentence=sentence,
        attempt=attempt,
        artifact_uri=stage.artifact_uri,
        metrics_uri=metrics_uri,
        ap=metrics.ap if metrics else None,
        f1=metrics.f1 if metrics else None,
        f1_by_class=metrics.f1_by_class if metrics else {},
        model_package_arn=package,
        comparisons=tuple(_comparisons(stage, artifact)),
        comparison_uri=_comparison_uri(stage, artifact),
    )


def _comparisons(stage: CompletedStage, artifact: Artifact) -> Iterator[str]:
    """How the model compares with the baselines by the F1 of the gate's classes, or why that is not known."""
    if artifact.comparisons is not None:
        yield from artifact.comparisons.lines(stage.request.quality_gate)
    elif stage.is_compared:
        yield f"The model is not compared with the baselines: {artifact.comparison_complaint}"


def _comparison_uri(stage: CompletedStage, artifact: Artifact) -> str | None:
    if artifact.comparison_file is None:
        return None
    return uri(stage.settings.bucket, comparison_key(stage.execution.name, stage.job.stage))


def _keep_record(s3: S3Client, stage: CompletedStage, artifact: Artifact, job: Mapping[str, Any]) -> None:
    """For the next quotes; without the trainer's own clock and count of epochs there is nothing to record."""
    if artifact.metrics is None or artifact.health is None or artifact.health.seconds <= 0:
        return
    billed = billable_seconds(job, now=stage.now)
    ended: datetime = job.get("TrainingEndTime", stage.now)
    trained = stage.request.stages[stage.job.stage]
    record = StageRecord(
        execution_arn=stage.execution.arn,
        training_job_name=stage.job.name,
        recipe=trained.recipe,
        instance_type=instance_type(job),
        instance_count=instance_count(job),
        spot=stage.job.spot,
        dataset_version=stage.dataset_version(artifact),
        training_images=stage.dataset.splits["train"],
        epochs=artifact.metrics.epochs_trained or trained.epochs,
        trainer_seconds=artifact.health.seconds,
        job_seconds=job.get("TrainingTimeInSeconds", billed),
        billable_seconds=billed,
        usd_per_hour=usd_per_hour(job, stage.quote),
        ended=ended.isoformat(),
        training=json_values(trained.training),
        classes=stage.dataset.classes,
    )
    write_record(
        s3, bucket=stage.settings.bucket, execution_name=stage.execution.name, stage=stage.job.stage, record=record
    )


def _keep_metrics(s3: S3Client, stage: CompletedStage, artifact: Artifact) -> str | None:
    """Copy metrics and comparison to the report, where they can be read without the model; the place of the metrics."""
    key = metrics_key(stage.execution.name, stage.job.stage)
    files = {
        key: artifact.metrics_file,
        comparison_key(stage.execution.name, stage.job.stage): artifact.comparison_file,
    }
    for each, content in files.items():
        if content is not None:
            with raising_unavailable():
                s3.put_object(Bucket=stage.settings.bucket, Key=each, Body=content, ContentType="application/json")
    return uri(stage.settings.bucket, key) if artifact.metrics_file is not None else None


def _figures(artifact: Artifact) -> str:
    metrics = artifact.metrics
    if metrics is None:
        return ""
    test = f"; test split, at the same thresholds: {_split_figures(metrics.test)}" if metrics.test else ""
    val = f"Validation split, at its best thresholds: {_split_figures(metrics)}"
    return f"{val}{test}. F1 is by COCO's matching at IoU 0.5."


def _epochs(stage: CompletedStage, artifact: Artifact, job: Mapping[str, Any]) -> list[str]:
    """Sentences on how many epochs were trained, and what the last ones cost and brought."""
    metrics, asked = artifact.metrics, stage.request.stages[stage.job.stage].epochs
    if metrics is None or metrics.epochs_trained is None:
        return []
    early = ", since F1 no longer rose" if metrics.epochs_trained < asked else ""
    sentences = [f"Training took {metrics.epochs_trained} of {asked} epochs{early}."]
    cost = cost_of_last_epochs(metrics.evaluations, usd_per_hour(job, stage.quote))
    return [*sentences, f"{cost[0].upper()}{cost[1:]}, at the on-demand price."] if cost else sentences


def _split_figures(metrics: SplitMetrics) -> str:
    classes = [
        f"F1 of {name} {'without a box' if f1 is None else f'{f1:.4f}'}" for name, f1 in metrics.f1_by_class.items()
    ]
    return f"AP {metrics.ap:.4f}, {name_list([f'F1 {metrics.f1:.4f}', *classes], most=21)}"


def _metadata(stage: CompletedStage, artifact: Artifact) -> dict[str, str]:
    metrics = artifact.metrics
    assert metrics is not None
    return {
        AP: f"{metrics.ap:.6f}",
        "f1": f"{metrics.f1:.6f}",
        **({"test.ap": f"{metrics.test.ap:.6f}", "test.f1": f"{metrics.test.f1:.6f}"} if metrics.test else {}),
        DATASET_VERSION: stage.dataset_version(artifact),
        **({"comparison": comparison} if (comparison := _comparison_uri(stage, artifact)) else {}),
        "classes": " / ".join(stage.dataset.classes),
        "execution": stage.execution.arn,
        "training_job": stage.job.name,
        "report": stage.dataset.report_uri,
        **({"continued_from": stage.request.continue_from} if stage.request.continue_from else {}),
        # From here on some may be left out: the registry takes 50, and the files named above have all of them.
        **(artifact.comparisons.metadata(stage.request.quality_gate) if artifact.comparisons else {}),
        **{f"training.{name}": _as_metadata(value) for name, value in stage.request.training.items()},
        **_f1_by_class("f1", metrics),
        **(_f1_by_class("test.f1", metrics.test) if metrics.test else {}),
    }


def _as_metadata(setting: object) -> str:
    """Metadata has no brackets and no commas."""
    return " / ".join(map(str, setting)) if isinstance(setting, list) else to_text(setting)


def _f1_by_class(key: str, metrics: SplitMetrics) -> dict[str, str]:
    return {f"{key}.{name}": f"{f1:.6f}" for name, f1 in metrics.f1_by_class.items() if f1 is not None}
