"""SageMaker in memory: training jobs that take the courses a test gives them, and a model registry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.pipeline.artifacts import packed
from tests.stacks.second_engine.api_error import ApiError
from tests.stacks.second_engine.clock import Clock
from tests.stacks.second_engine.job_courses import GOOD, Course
from tests.stacks.second_engine.s3_in_memory import S3InMemory
from training_code.job.health import judge_health

ARN = "arn:aws:sagemaker:us-east-1:123456789012"
_ENDS = {"Completed": "Completed", "Failed": "Failed", "Stopped": "Stopped", "MaxWaitTimeExceeded": "Stopped"}
_STOP_SECONDS = 60


@dataclass
class Job:
    """One training job."""

    request: dict[str, Any]
    course: Course
    created: datetime
    stopped: datetime | None = None

    def at(self, seconds: int) -> datetime:
        return self.created + timedelta(seconds=seconds)

    def steps(self, now: datetime) -> list[tuple[datetime, str]]:
        """What it has gone through."""
        until = min(now, self.stopped or now)
        steps = [(self.at(seconds), status) for seconds, status in self.course.steps if self.at(seconds) <= until]
        if self.stopped and steps[-1][1] not in _ENDS:
            steps.append((self.stopped, "Stopping"))
            ended = self.stopped + timedelta(seconds=_STOP_SECONDS)
            steps += [(ended, "Stopped")] if ended <= now else []
        return steps

    def status(self, now: datetime) -> str:
        last = self.steps(now)[-1][1]
        return _ENDS.get(last, "Stopping" if last == "Stopping" else "InProgress")

    def describe(self, now: datetime) -> dict[str, Any]:
        steps, status, name = self.steps(now), self.status(now), self.request["TrainingJobName"]
        ends = [moment for moment, _ in steps[1:]]
        on_instance = next((moment for moment, step in steps if step == "Downloading"), None)
        answer = {key: value for key, value in self.request.items() if key != "Tags"} | {
            "TrainingJobArn": f"{ARN}:training-job/{name}",
            "TrainingJobStatus": status,
            "SecondaryStatus": steps[-1][1],
            "SecondaryStatusTransitions": [
                {"Status": step, "StartTime": moment} | ({"EndTime": ends[index]} if index < len(ends) else {})
                for index, (moment, step) in enumerate(steps)
            ],
            "CreationTime": self.created,
            "LastModifiedTime": steps[-1][0],
            "ModelArtifacts": {"S3ModelArtifacts": f"s3://bucket/training-jobs/{name}/output/model.tar.gz"},
        }
        if status in _ENDS.values():
            answer["SecondaryStatusTransitions"][-1]["EndTime"] = steps[-1][0]
            answer["FailureReason"] = self.course.reason
            if on_instance is not None:
                seconds = round((steps[-1][0] - on_instance).total_seconds())
                share = 2 if self.request["EnableManagedSpotTraining"] else 1
                answer |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds // share}
        return answer


class SageMakerInMemory:
    """`courses`: of the jobs to come; the last one is used again and again.

    `quota`: instances of each type, spot and on demand apart. `quota_held_seconds`: how long the instance of a job that
    has ended counts against it.
    """

    def __init__(self, clock: Clock, s3: S3InMemory) -> None:
        self._clock, self._s3 = clock, s3
        self.jobs: dict[str, Job] = {}
        self.courses: list[Course] = [GOOD]
        self.packages: list[dict[str, Any]] = []
        self.quota = 10
        self.quota_held_seconds = 0

    def running(self) -> list[str]:
        """The names of the jobs that nobody has told to stop."""
        return [name for name, job in self.jobs.items() if job.status(self._clock.now()) == "InProgress"]

    def create_training_job(self, **request: Any) -> dict[str, Any]:
        name = request["TrainingJobName"]
        if name in self.jobs:
            raise ApiError("ResourceInUse", "Training job names must be unique; this one already exists")
        for kind in _types(request):
            if self._used(kind, spot=request["EnableManagedSpotTraining"]) + _count(request) > self.quota:
                raise ApiError("ResourceLimitExceeded", f"The account-level service limit '{kind}' is {self.quota}.")
        course = self.courses.pop(0) if len(self.courses) > 1 else self.courses[0]
        self.jobs[name] = Job(request, course, self._clock.now())
        return {"TrainingJobArn": f"{ARN}:training-job/{name}"}

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:
        job = self._job(TrainingJobName)
        self._write_files(job)
        return job.describe(self._clock.now())

    def stop_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:
        job = self._job(TrainingJobName)
        if job.status(self._clock.now()) in _ENDS.values():
            raise ApiError("ValidationException", "The training job has ended.")
        job.stopped = job.stopped or self._clock.now()
        return {}

    def list_training_jobs(
        self,
        *,
        NameContains: str,
        StatusEquals: str | None = None,
        LastModifiedTimeAfter: datetime | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        fields = ("TrainingJobName", "TrainingJobArn", "TrainingJobStatus", "CreationTime", "LastModifiedTime")
        described = [job.describe(self._clock.now()) for name, job in self.jobs.items() if NameContains in name]
        found = [
            {field: job[field] for field in fields}
            for job in described
            if StatusEquals in (None, job["TrainingJobStatus"])
            and (LastModifiedTimeAfter is None or job["LastModifiedTime"] > LastModifiedTimeAfter)
        ]
        return {"TrainingJobSummaries": found}

    def list_tags(self, *, ResourceArn: str) -> dict[str, Any]:
        return {"Tags": self._job(ResourceArn.rpartition("/")[2]).request["Tags"]}

    def create_model_package_group(self, **_: Any) -> dict[str, Any]:
        return {"ModelPackageGroupArn": f"{ARN}:model-package-group/floorplan-dino"}

    def list_model_packages(self, **_: Any) -> dict[str, Any]:
        return {"ModelPackageSummaryList": []}

    def create_model_package(self, **request: Any) -> dict[str, Any]:
        tokens = [package["ClientToken"] for package in self.packages]
        if request["ClientToken"] not in tokens:
            self.packages.append(request)
        return {"ModelPackageArn": f"{ARN}:model-package/floorplan-dino/1"}

    def _used(self, kind: str, *, spot: bool) -> int:
        """Instances of the type that count against its quota."""
        now = self._clock.now()
        return sum(
            _count(job.request)
            for job in self.jobs.values()
            if kind in _types(job.request)
            and job.request["EnableManagedSpotTraining"] is spot
            and (
                job.status(now) not in _ENDS.values()
                or now - job.steps(now)[-1][0] < timedelta(seconds=self.quota_held_seconds)
            )
        )

    def _job(self, name: str) -> Job:
        if name not in self.jobs:
            raise ApiError("ValidationException", "Requested resource not found.")
        return self.jobs[name]

    def _write_files(self, job: Job) -> None:
        """What the job has written to S3 by now: health.json beside the checkpoints, the model at its end."""
        now, course, name = self._clock.now(), job.course, job.request["TrainingJobName"]
        folder = job.request["CheckpointConfig"]["S3Uri"].split("/", 3)[3]
        written = f"{folder}health.json"
        due = course.health_after is not None and job.at(course.health_after) <= min(now, job.stopped or now)
        if due and (written not in self._s3.objects or self._s3.objects[written].modified < job.created):
            self._s3.put(written, _health(course))
        model = f"training-jobs/{name}/output/model.tar.gz"
        if job.status(now) == "Completed" and model not in self._s3.objects:
            classes = {"room": {"f1": course.room_f1}, "wall": {"f1": 0.9}}
            metrics = json.dumps({"ap": 0.8, "f1": 0.9, "classes": classes}).encode()
            measured = {"metrics.json": metrics} if course.has_model else {}
            self._s3.put(model, packed({**measured, "health.json": _health(course)}))


def _types(request: dict[str, Any]) -> list[str]:
    """The instance types that a job may get."""
    resources = request["ResourceConfig"]
    return [each["InstanceType"] for each in resources.get("InstancePreferences", [resources])]


def _count(request: dict[str, Any]) -> int:
    """The instances that a job runs on."""
    resources = request["ResourceConfig"]
    return int(resources.get("InstancePreferences", [resources])[0]["InstanceCount"])


def _health(course: Course) -> bytes:
    losses = [float(loss) for loss in range(200, 0, -1)]
    return json.dumps(judge_health(losses if course.healthy else losses[::-1], seconds=700, needed_minutes=10)).encode()
