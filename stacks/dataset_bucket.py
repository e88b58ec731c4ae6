"""The bucket of data sets, reports, checkpoints and models, and the bucket of its access logs."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct
from pipeline.s3_layout import BATCHES, CHECKPOINTS

CHECKPOINTS_DAYS = 30
"""Shorter than the 90 days after which an execution's name, and with it its checkpoints' folder, may be used again."""
NONCURRENT_CHECKPOINTS_DAYS = 1
"""A job deletes all but its newest two, and SageMaker deletes them in S3; no job reads them again."""
BATCHES_DAYS = 30
"""Copies of plans that somebody has, and lists: the answers stay."""
NONCURRENT_DAYS = 30
ACCESS_LOGS_DAYS = 90


class DatasetBucket(Construct):
    """Kept when the stack is deleted: data and models are the user's.

    Encrypted by S3's own key or by the customer's; the access logs always by S3's, which can write them under no other.
    """

    bucket: s3.Bucket

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey | None) -> None:
        super().__init__(scope, construct_id)
        access_logs = s3.Bucket(
            self,
            "AccessLogs",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(ACCESS_LOGS_DAYS))],
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=True if key else None,  # or each of thousands of images would ask KMS by itself
            enforce_ssl=True,
            versioned=True,
            server_access_logs_bucket=access_logs,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(7)),
                s3.LifecycleRule(noncurrent_version_expiration=Duration.days(NONCURRENT_DAYS)),
                s3.LifecycleRule(
                    prefix=CHECKPOINTS,
                    expiration=Duration.days(CHECKPOINTS_DAYS),
                    # Of two rules that fit an object, S3 goes by the shorter time.
                    noncurrent_version_expiration=Duration.days(NONCURRENT_CHECKPOINTS_DAYS),
                ),
                s3.LifecycleRule(prefix=BATCHES, expiration=Duration.days(BATCHES_DAYS)),
            ],
        )
