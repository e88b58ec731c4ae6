"""The AWS clients of the functions: made once for each warm function, with the SDK's own retries and endpoints."""

from functools import cache

import boto3
from botocore.config import Config

from pipeline.client_types import (
    CloudWatchClient,
    CloudWatchLogsClient,
    PricingClient,
    S3Client,
    SageMakerClient,
    ServiceQuotasClient,
    SFNClient,
    SNSClient,
)

_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 5},
    connect_timeout=5,
    read_timeout=30,
    max_pool_connections=32,  # the data set's objects are looked at in parallel
)

_DISPENSABLE = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=3, read_timeout=8)
"""For what a step can go on without: it must not wait past its own time limit for it."""

_PRICING_REGION = "us-east-1"
"""The Price List answers for all regions in few of them."""


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


@cache
def stepfunctions_client() -> SFNClient:
    """AWS Step Functions."""
    return boto3.client("stepfunctions", config=_CONFIG)


@cache
def logs_client() -> CloudWatchLogsClient:
    """Amazon CloudWatch Logs."""
    return boto3.client("logs", config=_CONFIG)


@cache
def cloudwatch_client() -> CloudWatchClient:
    """Amazon CloudWatch."""
    return boto3.client("cloudwatch", config=_DISPENSABLE)


@cache
def pricing_client() -> PricingClient:
    """The AWS Price List."""
    return boto3.client("pricing", region_name=_PRICING_REGION, config=_DISPENSABLE)


@cache
def service_quotas_client() -> ServiceQuotasClient:
    """Service Quotas."""
    return boto3.client("service-quotas", config=_DISPENSABLE)
