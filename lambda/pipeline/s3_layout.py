"""Where things lie in the pipeline's bucket; the roles' permissions and the life cycle rules follow these prefixes."""

from __future__ import annotations

REPORTS = "reports/"
TRAINING_JOBS = "training-jobs/"
"""SageMaker adds `<job name>/output/model.tar.gz`."""
CHECKPOINTS = "checkpoints/"
"""Apart from training-jobs/, since a life cycle rule can expire a prefix only, and models must stay."""
TRAINING_CODE = "training-code/"
PRETRAINED = "pretrained/"
"""Weights to start from, uploaded by hand; data sets of the same model share them."""


def report_key(execution_name: str) -> str:
    """The validation report of one execution."""
    return f"{REPORTS}{execution_name}/report.json"


def checkpoints_prefix(execution_name: str) -> str:
    """The checkpoints of one execution: its redriven jobs go on where the first one ended."""
    return f"{CHECKPOINTS}{execution_name}/"


def training_code_prefix(asset_key: str) -> str:
    """The folder of one version of the training code; CDK names the asset by its content's hash."""
    return f"{TRAINING_CODE}{asset_key.rsplit('/', 1)[-1].removesuffix('.zip')}/"


def uri(bucket: str, key: str) -> str:
    """s3://bucket/key."""
    return f"s3://{bucket}/{key}"


def bucket_of(s3_uri: str) -> str:
    """The bucket in what uri() gave."""
    return s3_uri.removeprefix("s3://").split("/", 1)[0]
