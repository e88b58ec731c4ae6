"""Addresses of the AWS console's pages about a run."""

from urllib.parse import quote

from pipeline.s3_layout import bucket_and_key

_TRAINING_LOG_GROUP = "/aws/sagemaker/TrainingJobs"


def execution_link(region: str, execution_arn: str) -> str:
    """The execution's graph and event history."""
    return f"{_console(region, 'states')}#/v2/executions/details/{quote(execution_arn, safe=':/')}"


def job_link(region: str, job_name: str) -> str:
    """The training job's page."""
    return f"{_console(region, 'sagemaker')}#/jobs/{job_name}"


def log_group_link(region: str, job_name: str) -> str:
    """The training job's log streams. The console wants the group's name quoted twice, with $ for %."""
    group = quote(quote(_TRAINING_LOG_GROUP, safe=""), safe="").replace("%", "$")
    return f"{_console(region, 'cloudwatch')}#logsV2:log-groups/log-group/{group}$3FlogStreamNameFilter$3D{job_name}"


def folder_link(region: str, s3_uri: str) -> str:
    """The objects below s3://bucket/prefix/."""
    bucket, prefix = bucket_and_key(s3_uri)
    return f"{_page(region, f's3/buckets/{bucket}')}&prefix={quote(prefix)}"


def _console(region: str, service: str) -> str:
    return _page(region, f"{service}/home")


def _page(region: str, path: str) -> str:
    domain = "amazonaws.cn" if region.startswith("cn-") else "aws.amazon.com"
    return f"https://{region}.console.{domain}/{path}?region={region}"
