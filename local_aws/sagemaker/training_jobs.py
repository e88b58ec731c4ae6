"""The account's training jobs: what the API's operations do to them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local_aws.api_errors import ApiError, invalid
from local_aws.clients import client
from local_aws.faults import Faults
from local_aws.sagemaker.capacity import check_quotas, take_instance
from local_aws.sagemaker.job_services import Services
from local_aws.sagemaker.s3_files import S3Uri
from local_aws.sagemaker.training_job import TrainingJob
from local_aws.sagemaker.training_job_rules import check_tags, check_training_job, instance_types
from local_aws.service_quotas import ServiceQuotas

MOST_TAGS = 50


class TrainingJobs:
    """All jobs ever created, by name, and the operations on them. Requests conform to the service model already.

    environment: the AWS_* variables by which the account's other services are reached.
    act_for: role's ARN and job's name -> AWS_* variables of a session of that role; None where IAM is not enforced.
    folder: where the jobs' directories are while they run. scratch: what is removed if this process is killed.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        account: str,
        quotas: ServiceQuotas,
        faults: Faults,
        act_for: Callable[[str, str], dict[str, str]] | None,
        folder: Path,
        scratch: Path,
        stop_grace: float,
    ) -> None:
        self._environment = environment
        self._services = Services.of(environment)
        self._iam = client(environment, "iam")
        self._region = environment["AWS_REGION"]
        self._account = account
        self._quotas = quotas
        self._faults = faults
        self._act_for = act_for
        self._folder = folder
        self._scratch = scratch
        self._stop_grace = stop_grace
        self._changed = threading.Condition()
        self._jobs: dict[str, TrainingJob] = {}
        self.operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "CreateTrainingJob": self.create,
            "DescribeTrainingJob": self.describe,
            "StopTrainingJob": self.stop,
            "ListTags": self.list_tags,
            "AddTags": self.add_tags,
        }

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        """CreateTrainingJob: check it, and start the job's thread."""
        name = request["TrainingJobName"]
        check_training_job(request)
        self._check_role(request["RoleArn"])
        services = self._services_for(request)
        for channel in request.get("InputDataConfig", []):
            self._check_has_objects(services, channel["DataSource"]["S3DataSource"]["S3Uri"], request["RoleArn"])
        spot = bool(request.get("EnableManagedSpotTraining"))
        with self._changed:
            if name in self._jobs:
                raise ApiError(
                    "ResourceInUse",
                    "Training job names must be unique within an AWS account and region, "
                    f"and a training job with this name already exists ({self.arn(name)})",
                )
            running = [(job.instance_type, job.spot) for job in self._jobs.values() if not job.ended]
            check_quotas(instance_types(request), spot=spot, running=running, quotas=self._quotas)
            job = TrainingJob(
                request,
                arn=self.arn(name),
                region=self._region,
                services=services,
                take_instance=lambda: take_instance(
                    instance_types(request), spot=spot, faults=self._faults, quotas=self._quotas
                ),
                folder=self._folder / str(len(self._jobs)),
                scratch=self._scratch,
                stop_grace=self._stop_grace,
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
        """ListTags, all on one page: there are never more than 50."""
        tags = self._tagged(request["ResourceArn"]).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def add_tags(self, request: dict[str, Any]) -> dict[str, Any]:
        """AddTags: a tag with a key that exists is overwritten."""
        job = self._tagged(request["ResourceArn"])
        check_tags(request["Tags"])
        with self._changed:
            tags = job.tags | {tag["Key"]: tag["Value"] for tag in request["Tags"]}
            if len(tags) > MOST_TAGS:
                raise invalid(f"The resource would have more than {MOST_TAGS} tags.")
            job.tags = tags
        return self.list_tags(request)

    def interrupt(self, name: str) -> None:
        """Take a managed-spot job's instance away; see TrainingJob.interrupt."""
        self._job(name).interrupt()

    def wait_for(self, name: str, statuses: Collection[str], timeout: float) -> dict[str, Any]:
        """Wait until the job's secondary status is one of these or its last, and return its description.

        Raises TimeoutError.
        """
        job = self._job(name)
        with self._changed:
            if not self._changed.wait_for(lambda: job.ended or job.secondary_status in statuses, timeout):
                raise TimeoutError(f"{name} is {job.secondary_status} after {timeout} s.")
            return job.describe()

    def running(self) -> list[str]:
        """The names of the jobs that have not ended."""
        with self._changed:
            return [name for name, job in self._jobs.items() if not job.ended]

    def arn(self, name: str) -> str:
        """The ARN of a job, existing or not."""
        return f"arn:aws:sagemaker:{self._region}:{self._account}:training-job/{name}"

    def close(self) -> None:
        """Kill all jobs."""
        with self._changed:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.close()

    def _job(self, name: str) -> TrainingJob:
        try:
            return self._jobs[name]
        except KeyError:
            # The API reference says ResourceNotFound; the service says this (github.com/aws/aws-sdk/issues/165).
            raise invalid("Requested resource not found.") from None

    def _tagged(self, arn: str) -> TrainingJob:
        job = self._jobs.get(arn.rpartition("/")[2])
        if job is None or job.arn != arn:
            raise ApiError("ResourceNotFound", f"{arn} does not exist.")
        return job

    def _services_for(self, request: dict[str, Any]) -> Services:
        """The services as the job's role may use them."""
        if self._act_for is None:
            return self._services
        return Services.of({**self._environment, **self._act_for(request["RoleArn"], "SageMaker")})

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

    def _check_has_objects(self, services: Services, uri: str, role_arn: str) -> None:
        """A channel must not be empty."""
        place = S3Uri.parse(uri)
        from_s3 = ""
        try:
            found = services.s3.list_objects_v2(Bucket=place.bucket, Prefix=place.key, MaxKeys=1)
            if found.get("Contents"):
                return
        except ClientError as error:
            from_s3 = f" Error message from S3: {error.response['Error']['Message']}"
        raise invalid(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
            f"exists in the selected region ({self._region}), that objects exist under that S3 prefix, and that the "
            f'role "{role_arn}" has "s3:ListBucket" permissions on bucket "{place.bucket}".{from_s3}'
        )
