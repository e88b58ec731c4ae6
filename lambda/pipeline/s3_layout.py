"""The keys of the pipeline's bucket; the roles' permissions and the life cycle rules follow these prefixes.

The files within a data set are in dataset_contract/layout.py, those beside checkpoints in
training_code/job/checkpoint_layout.py, the life cycle rules in stacks/dataset_bucket.py.
"""

from datetime import datetime
from typing import Literal

REPORTS = "reports/"
TRAINING_JOBS = "training-jobs/"
"""SageMaker adds `<job name>/output/model.tar.gz`."""
CHECKPOINTS = "checkpoints/"
"""Apart from training-jobs/, since a life cycle rule can expire a prefix only, and models must stay."""
TRAINING_CODE = "training-code/"
PRETRAINED = "pretrained/"
"""Weights to start from, uploaded by hand; data sets of the same model share them."""
BASELINES = "baselines/"
"""Results of other models, uploaded by hand: a folder for each, evaluation/results/baseline_files.py."""
LOCKS = "locks/"
"""One object for each data set that an execution works on."""
STAGE_RECORDS = "runs/"
"""What each completed stage took and cost; the next quotes are made from it."""

PLANS = "plans/"
"""Plans that the serving stack predicts on."""
PREDICTIONS = "predictions/"
"""Its answers, under the plans' names."""
BATCHES = "batches/"
"""What `python -m runs predict` brings, apart from PLANS, of which each new one is predicted on by itself."""
BATCH_PLANS = f"{BATCHES}plans/"
BATCH_LISTS = f"{BATCHES}lists/"
"""The keys of each batch's plans."""
BATCH_RESULTS = f"{BATCHES}results/"
"""What Step Functions tells of each plan."""

OWN_FOLDERS = (
    REPORTS,
    TRAINING_JOBS,
    CHECKPOINTS,
    TRAINING_CODE,
    PRETRAINED,
    BASELINES,
    LOCKS,
    STAGE_RECORDS,
    PLANS,
    PREDICTIONS,
    BATCHES,
)
"""All but the data sets' folders, whose names are none with which one of these begins."""


def report_key(execution_name: str, *, form: Literal["json", "html"] = "json") -> str:
    """The validation report of one execution, as JSON or as a page for people."""
    return f"{REPORTS}{execution_name}/report.{form}"


def batch_key(execution_name: str, number: int) -> str:
    """The images of one batch of an execution's validation."""
    return f"{REPORTS}{execution_name}/batches/{number:05d}.json"


def facts_key(batch: str) -> str:
    """What was read of the images of the batch with this key."""
    return f"{batch.removesuffix('.json')}-facts.json"


def metrics_key(execution_name: str, stage: int) -> str:
    """The metrics of one stage of an execution, as the trainer wrote them."""
    return f"{REPORTS}{execution_name}/metrics-{stage}.json"


def comparison_key(execution_name: str, stage: int) -> str:
    """How the model of one stage compares with the baselines, as the trainer wrote it."""
    return f"{REPORTS}{execution_name}/comparison-{stage}.json"


def baselines_prefix(execution_name: str, *, redrive_count: int) -> str:
    """The copies of the baselines that an execution compares with, which a redrive chooses again."""
    return f"{REPORTS}{execution_name}/baselines-{redrive_count}/"


def message_key(execution_name: str, *, started: datetime, redrive_count: int) -> str:
    """The message about the end of an execution, of which there is one more after each redrive.

    With the start, since a name may be used again after 90 days; to the second, on which all sources agree.
    """
    return f"{REPORTS}{execution_name}/message-{started:%Y%m%dT%H%M%SZ}-{redrive_count}.json"


def checkpoints_prefix(execution_name: str, stage: int) -> str:
    """The checkpoints of one stage of an execution: each further job of the stage goes on from the last one."""
    return f"{CHECKPOINTS}{execution_name}/{stage}/"


def model_key(job: str) -> str:
    """The model of a training job, where SageMaker puts it."""
    return f"{TRAINING_JOBS}{job}/output/model.tar.gz"


def lock_key(dataset_prefix: str) -> str:
    """The lock on a data set."""
    return f"{LOCKS}{dataset_prefix}.json"


def stage_record_key(execution_name: str, stage: int) -> str:
    """The record of one stage of an execution."""
    return f"{STAGE_RECORDS}{execution_name}-{stage}.json"


def training_code_prefix(asset_key: str) -> str:
    """The folder of one version of the training code; CDK names the asset by its content's hash."""
    return f"{TRAINING_CODE}{asset_key.rsplit('/', 1)[-1].removesuffix('.zip')}/"


def uri(bucket: str, key: str) -> str:
    """s3://bucket/key."""
    return f"s3://{bucket}/{key}"


def bucket_and_key(s3_uri: str) -> tuple[str, str]:
    """The arguments of uri()."""
    bucket, _, key = s3_uri.removeprefix("s3://").partition("/")
    return bucket, key
