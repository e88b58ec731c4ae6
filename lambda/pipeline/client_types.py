"""The types of the AWS clients: the stubs' for a type checker, Any where these are not installed, as on Lambda."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_pricing import PricingClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_service_quotas import ServiceQuotasClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_stepfunctions import SFNClient
else:
    CloudWatchClient = CloudWatchLogsClient = PricingClient = S3Client = Any
    SageMakerClient = ServiceQuotasClient = SNSClient = SFNClient = Any

__all__ = [
    "CloudWatchClient",
    "CloudWatchLogsClient",
    "PricingClient",
    "S3Client",
    "SFNClient",
    "SNSClient",
    "SageMakerClient",
    "ServiceQuotasClient",
]
