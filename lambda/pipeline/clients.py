"""The AWS clients of the functions: made once for each warm function, with the SDK's own retries and endpoints."""

from collections.abc import Callable
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
from pipeline.resumed_body import with_resumed_bodies

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 4},
    connect_timeout=3,
    read_timeout=20,
    max_pool_connections=32,  # the data set's objects are looked at in parallel
)
"""A silent endpoint costs a function 99 seconds, of the three minutes that it has at least."""

_DISPENSABLE = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=3, read_timeout=8)
"""For what a step can go on without: it must not wait past its own time limit for it."""

PRICING_REGION = "us-east-1"
"""The Price List answers for all regions in few of them."""

s3_client: Callable[[], S3Client] = cache(lambda: with_resumed_bodies(boto3.client("s3", config=_CONFIG)))
sagemaker_client: Callable[[], SageMakerClient] = cache(lambda: boto3.client("sagemaker", config=_CONFIG))
sns_client: Callable[[], SNSClient] = cache(lambda: boto3.client("sns", config=_CONFIG))
stepfunctions_client: Callable[[], SFNClient] = cache(lambda: boto3.client("stepfunctions", config=_CONFIG))
logs_client: Callable[[], CloudWatchLogsClient] = cache(lambda: boto3.client("logs", config=_CONFIG))
cloudwatch_client: Callable[[], CloudWatchClient] = cache(lambda: boto3.client("cloudwatch", config=_DISPENSABLE))
pricing_client: Callable[[], PricingClient] = cache(
    lambda: boto3.client("pricing", region_name=PRICING_REGION, config=_DISPENSABLE)
)
service_quotas_client: Callable[[], ServiceQuotasClient] = cache(
    lambda: boto3.client("service-quotas", config=_DISPENSABLE)
)
