"""What the serving function finds on AWS: a registry and a bucket in memory, and models that find what a test says."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError
from PIL import Image
from pipeline.errors import AwsUnavailable
from serving.settings import ServingSettings

from prediction.model_folder import ModelSettings
from prediction.predictor import Detection
from tests.dino.small_dino import SMALL

BUCKET, GROUP = "bucket", "floorplan-dino"
SETTINGS = ServingSettings(bucket=BUCKET, model_package_group=GROUP, model_check_seconds=60)
WALL = Detection("wall", 0.9, (10.0, 10.0, 90.0, 16.0))
ROOM = Detection("room", 0.6, (10.0, 10.0, 90.0, 70.0))
FAINT = Detection("room", 0.2, (20.0, 20.0, 40.0, 40.0))


def arn(version: int) -> str:
    return f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{version}"


def model_key(version: int) -> str:
    return f"training-jobs/job-{version}/output/model.tar.gz"


class Registry:
    """The approval of each version, in the order of their creation."""

    def __init__(self, **approvals: str) -> None:
        self.approvals = {int(name.removeprefix("v")): status for name, status in approvals.items()}
        self.questions = 0
        self.busy = False

    def list_model_packages(self, *, ModelPackageGroupName: str, MaxResults: int, **how: str) -> dict[str, Any]:
        assert (ModelPackageGroupName, how["SortOrder"], how["ModelApprovalStatus"]) == (
            GROUP,
            "Descending",
            "Approved",
        )
        self.questions += 1
        if self.busy:
            raise AwsUnavailable("ListModelPackages: Rate exceeded")
        found = [version for version, status in self.approvals.items() if status == "Approved"][::-1]
        return {"ModelPackageSummaryList": [{"ModelPackageArn": arn(version)} for version in found[:MaxResults]]}

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:
        version = int(ModelPackageName.rpartition("/")[2])
        container = {"ModelDataUrl": f"s3://{BUCKET}/{model_key(version)}"}
        return {"ModelPackageVersion": version, "InferenceSpecification": {"Containers": [container]}}


class Bucket:
    """Objects by key, in the order in which they were written."""

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        self.objects = objects or {}
        self.types: dict[str, str] = {}
        self.meanwhile: list[Callable[[], object]] = []
        """What others do, each while an object is read."""

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no"}}, "GetObject")
        content = self.objects[Key]
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return {"Body": io.BytesIO(content), "ContentLength": len(content)}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")
        return {"ETag": hashlib.md5(self.objects[Key], usedforsecurity=False).hexdigest()}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        self.objects.pop(Key, None)
        self.objects[Key], self.types[Key] = Body, ContentType


class FoundBy:
    """Stands for a Predictor that finds the same on each picture."""

    settings = ModelSettings(SMALL, {1: "wall", 2: "room"}, 64, 96, {1: 0.5})

    def __init__(self, found: Sequence[Detection]) -> None:
        self.found = found
        self.sizes: list[tuple[int, int]] = []

    def predict(self, image: Image.Image, *, threshold: float) -> Sequence[Detection]:
        assert threshold == 0
        self.sizes.append(image.size)
        return self.found


def png(width: int = 100, height: int = 80) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(content, "PNG")
    return content.getvalue()
