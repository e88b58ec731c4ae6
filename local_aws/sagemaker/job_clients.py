"""The boto3 clients that a training job uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from local_aws.clients import client

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class JobClients:
    """Each may be used from several threads."""

    s3: S3Client
    logs: CloudWatchLogsClient
    cloudwatch: CloudWatchClient

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Clients with the access that the AWS_* variables give."""
        return cls(
            s3=client(environment, "s3"), logs=client(environment, "logs"), cloudwatch=client(environment, "cloudwatch")
        )
