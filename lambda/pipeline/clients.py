"""The AWS clients of the functions: made once for each warm function, with the SDK's own retries and endpoints."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sns import SNSClient

_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 5},
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=32,  # the data set's objects are looked at in parallel
)


@cache
def s3_client() -> S3Client:
    """Amazon S3."""
    return boto3.client("s3", config=_CONFIG)


@cache
def sagemaker_client() -> SageMakerClient:
    """Amazon SageMaker AI."""
    return boto3.client("sagemaker", config=_CONFIG)


@cache
def sns_client() -> SNSClient:
    """Amazon SNS."""
    return boto3.client("sns", config=_CONFIG)
