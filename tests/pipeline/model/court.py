"""Judges stages of one execution, on an S3 and a registry in memory."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from botocore.response import StreamingBody
from pipeline.model.judgement import CompletedStage, Judgement, judge_stage

from tests.pipeline.artifacts import HEALTH, METRICS, packed
from tests.pipeline.conftest import described_job

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/floorplan-dino/3"
GOOD = {"model.safetensors": b"\0" * 1000, "metrics.json": METRICS, "health.json": HEALTH}
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Bucket:
    """The part of S3 that Judge and the next quote use."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        assert Bucket == "bucket"
        return {"Body": StreamingBody(io.BytesIO(self.objects[Key]), len(self.objects[Key]))}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        assert (Bucket, ContentType) == ("bucket", "application/json")
        self.objects[Key] = Body

    def get_paginator(self, _: str) -> Bucket:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        assert Bucket == "bucket"
        keys = [key for key in self.objects if key.startswith(Prefix)]
        return [{"Contents": [{"Key": key, "LastModified": AT} for key in keys]}]


class SageMaker:
    """One completed job, and a registry with at most one approved model."""

    def __init__(self, job: dict[str, Any], accepted_ap: float | None = None) -> None:
        self.job = job
        self.accepted_ap = accepted_ap
        self.registered: list[dict[str, Any]] = []

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:
        assert TrainingJobName == self.job["TrainingJobName"]
        return self.job

    def create_model_package_group(self, **_: str) -> None:
        return None

    def list_model_packages(self, **_: Any) -> dict[str, Any]:
        return {"ModelPackageSummaryList": [] if self.accepted_ap is None else [{"ModelPackageArn": ARN}]}

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:
        assert ModelPackageName == ARN
        return {"CustomerMetadataProperties": {"ap": str(self.accepted_ap), "dataset_version": "0" * 64}}

    def create_model_package(self, **request: Any) -> dict[str, str]:
        self.registered.append(request)
        return {"ModelPackageArn": ARN.replace("/3", "/4")}


class Court:
    """Judges stages of one execution."""

    def __init__(self, stage: CompletedStage) -> None:
        self.stage = stage
        self.bucket = Bucket({})
        job = described_job(
            stage.job.name,
            "Completed",
            "Completed",
            TrainingTimeInSeconds=900,
            BillableTimeInSeconds=300,
            TrainingEndTime=AT,
        )
        self.sagemaker = SageMaker(job)

    def judge(self, files: dict[str, bytes], **changes: Any) -> Judgement:
        self.bucket.objects["training-jobs/job/output/model.tar.gz"] = packed(files)
        sagemaker: Any = self.sagemaker
        s3: Any = self.bucket
        return judge_stage(sagemaker, s3, replace(self.stage, **changes))
