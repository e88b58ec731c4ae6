"""The account's training jobs: what the API's operations do to them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local_aws.api_errors import ApiError, invalid
from local_aws.aws_json import Operation
from local_aws.clients import client
from local_aws.faults import Faults
from local_aws.pages import page
from local_aws.sagemaker.capacity import check_quotas, take_instance
from local_aws.sagemaker.job_clients import JobClients
from local_aws.sagemaker.s3_transfer import S3Uri
from local_aws.sagemaker.training_job import LocalTrainingJob
from local_aws.sagemaker.training_job_rules import check_training_job, instance_count, instance_types
from local_aws.service_quotas import ServiceQuotas


@dataclass(kw_only=True, eq=False)
class TrainingJobs:
    """All jobs ever created, by name, and the operations on them. Requests conform to the service model already."""

    environment: Mapping[str, str]
    """The AWS_* variables by which the account's other services are reached."""
    account: str
    quotas: ServiceQuotas
    faults: Faults
    role_credentials: Callable[[str, str], dict[str, str]] | None
    """A role's ARN and a session's name -> AWS_* variables of that session; None where IAM is not enforced."""
    folder: Path
    """Where the jobs' directories are while they run."""
    scratch: Path
    """What is removed if this process is killed."""
    stop_grace: float
    """Seconds between SIGTERM and SIGKILL."""

    def __post_init__(self) -> None:
        self._clients = JobClients.from_environment(self.environment)
        self._iam = client(self.environment, "iam")
        self._region = self.environment["AWS_REGION"]
        self._changed = threading.Condition()
        self._jobs: dict[str, LocalTrainingJob] = {}
        self.operations: dict[str, Operation] = {
            "CreateTrainingJob": self.create,
            "DescribeTrainingJob": self.describe,
            "StopTrainingJob": self.stop,
            "ListTags": self.list_tags,
            "ListTrainingJobs": self.list_jobs,
        }

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateTrainingJob: check it, and start the job's thread."""
        name = request["TrainingJobName"]
        check_training_job(request)
        self._check_role(request["RoleArn"])
        clients = self._clients_for(request)
        for channel in request.get("InputDataConfig", []):
            self._check_has_objects(clients, channel["DataSource"]["S3DataSource"]["S3Uri"], request["RoleArn"])
        spot = bool(request.get("EnableManagedSpotTraining"))
        with self._changed:
            if name in self._jobs:
                raise ApiError(
                    "ResourceInUse",
                    "Training job names must be unique within an AWS account and region, "
                    f"and a training job with this name already exists ({self.arn(name)})",
                )
            counted = [
                (job.instance_type, job.spot)
                for job in self._jobs.values()
                if self._counts(job)
                for _ in range(instance_count(job.request))
            ]
            count = instance_count(request)
            check_quotas(instance_types(request), count, spot=spot, counted=counted, quotas=self.quotas)
            job = LocalTrainingJob(
                request=request,
                arn=self.arn(name),
                region=self._region,
                clients=clients,
                take_instance=lambda: take_instance(instance_types(request), spot=spot, faults=self.faults),
                faults=self.faults,
                folder=self.folder / str(len(self._jobs)),
                scratch=self.scratch,
                stop_grace=self.stop_grace,
                changed=self._changed,
            )
            self._jobs[name] = job
        job.start()
        return {"TrainingJobArn": job.arn}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeTrainingJob."""
        return self._job(request["TrainingJobName"]).describe()

    def stop(self, request: dict[str, Any]) -> dict[str, Any]:
        """StopTrainingJob."""
        self._job(request["TrainingJobName"]).stop()
        return {}

    def list_tags(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListTags of a job, all on one page: there are never more than 50."""
        arn = request["ResourceArn"]
        job = self._jobs.get(arn.rpartition("/")[2])
        if job is None or job.arn != arn:
            raise ApiError("ResourceNotFound", f"{arn} does not exist.")
        return {"Tags": job.tags}

    def list_jobs(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListTrainingJobs by a part of the name, a status and the time of the last change, ten a page."""
        wanted, status = request.get("NameContains", ""), request.get("StatusEquals")
        after = request.get("LastModifiedTimeAfter", 0)
        described = [job.describe() for name, job in list(self._jobs.items()) if wanted in name]
        fields = ("TrainingJobName", "TrainingJobArn", "TrainingJobStatus", "CreationTime", "LastModifiedTime")
        found = [
            {field: job[field] for field in fields}
            for job in described
            if status in (None, job["TrainingJobStatus"]) and job["LastModifiedTime"].timestamp() > after
        ]
        chosen, more = page(found, request, longest=10, refusal="ValidationException")
        return {"TrainingJobSummaries": chosen, **more}

    def interrupt(self, name: str) -> None:
        """Take a managed-spot job's instance away, as AWS may at any time; returns at once.

        The job gets SIGTERM, then SIGKILL after the grace period; its last checkpoints go to S3, and it starts again
        from them, unless Faults.complete_when_interrupted has it end. Raises ValueError if it is not a managed-spot job
        that is training, ApiError if it does not exist.
        """
        self._job(name).interrupt()

    def lose_host(self, name: str, host: str) -> None:
        """Let one of a training job's hosts ("algo-2") die at once, as its hardware may.

        Raises ValueError if the job is not training on it, ApiError if the job does not exist.
        """
        self._job(name).lose_host(host)

    def wait_for(self, name: str, statuses: Collection[str], timeout: float) -> dict[str, Any]:
        """Wait until the job's SecondaryStatus is one of these or final, and return its description.

        Raises TimeoutError.
        """
        job = self._job(name)
        with self._changed:
            if not self._changed.wait_for(lambda: job.status.ended or job.status.secondary in statuses, timeout):
                raise TimeoutError(f"{name} is {job.status.secondary} after {timeout} s.")
            return job.describe()

    def running(self) -> list[str]:
        """The names of the jobs that have not ended."""
        with self._changed:
            return [name for name, job in self._jobs.items() if not job.status.ended]

    def arn(self, name: str) -> str:
        """The ARN of a job, existing or not."""
        return f"arn:aws:sagemaker:{self._region}:{self.account}:training-job/{name}"

    def close(self) -> None:
        """Kill all jobs; may be called twice."""
        with self._changed:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.close()

    def _counts(self, job: LocalTrainingJob) -> bool:
        """Whether the job's instances count against the quota."""
        ended = job.status.seconds_since_end()
        return ended is None or ended < self.faults.quota_held_seconds

    def _job(self, name: str) -> LocalTrainingJob:
        try:
            return self._jobs[name]
        except KeyError:
            # The API reference says ResourceNotFound; the service says this (github.com/aws/aws-sdk/issues/165).
            raise invalid("Requested resource not found.") from None

    def _clients_for(self, request: dict[str, Any]) -> JobClients:
        """Clients with the permissions of the job's role."""
        if self.role_credentials is None:
            return self._clients
        return JobClients.from_environment(
            {**self.environment, **self.role_credentials(request["RoleArn"], "SageMaker")}
        )

    def _check_role(self, role_arn: str) -> None:
        """The role must exist and trust SageMaker."""
        try:
            role = self._iam.get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
            trusts = role["Arn"] == role_arn and "sagemaker.amazonaws.com" in json.dumps(
                role["AssumeRolePolicyDocument"]
            )
        except self._iam.exceptions.NoSuchEntityException:
            trusts = False
        if not trusts:
            raise invalid(
                f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
                "'sagemaker.amazonaws.com' to assume the role."
            )

    def _check_has_objects(self, clients: JobClients, uri: str, role_arn: str) -> None:
        """A channel must not be empty."""
        place = S3Uri.parse(uri)
        from_s3 = ""
        try:
            found = clients.s3.list_objects_v2(Bucket=place.bucket, Prefix=place.key, MaxKeys=1)
            if found.get("Contents"):
                return
        except ClientError as error:
            from_s3 = f" Error message from S3: {error.response['Error']['Message']}"
        raise invalid(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
            f"exists in the selected region ({self._region}), that objects exist under that S3 prefix, and that the "
            f'role "{role_arn}" has "s3:ListBucket" permissions on bucket "{place.bucket}".{from_s3}'
        )
