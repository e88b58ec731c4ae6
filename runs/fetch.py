"""Downloads what a run left in S3: reports, metrics, health, and the model, unpacked."""

import re
from pathlib import Path

import boto3
from pipeline.client_types import S3Client
from pipeline.job.health_reader import HEALTH_FILE
from pipeline.s3_layout import CHECKPOINTS, REPORTS

from dataset_contract.atomic_write import atomic_path
from runs.errors import RunsError
from runs.executions import Run
from runs.model_archive import fetch_model_archive

MODEL = "model"
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


def fetch_run(session: boto3.Session, bucket: str, run: Run, folder: Path) -> list[Path]:
    """Write the run's files below `folder` and return their paths; the model comes last, as `folder`/model.

    Each is written whole or not at all, so an interrupted fetch can be repeated. Raises RunsError if `folder` already
    holds a model, or an object's name cannot be a file name.
    """
    if (folder / MODEL).exists():
        raise RunsError(f"{folder / MODEL} already exists: remove it, or name another folder with --to.")
    folder.mkdir(parents=True, exist_ok=True)
    s3 = session.client("s3")
    fetched = [_fetch(s3, bucket, key, folder, key.rsplit("/", 1)[-1]) for key in _report_keys(s3, bucket, run)]
    for key in _health_keys(s3, bucket, run):
        number = key.split("/")[-2]
        fetched.append(_fetch(s3, bucket, key, folder, f"health-{number}.json"))
    artifact = run.outcome.get("artifact_uri")
    if artifact is not None:
        fetch_model_archive(session, artifact, folder / MODEL)
        fetched.append(folder / MODEL)
    return fetched


def _report_keys(s3: S3Client, bucket: str, run: Run) -> list[str]:
    """The files directly in reports/<execution>/: those in its folders are the pipeline's own."""
    prefix = f"{REPORTS}{run.name}/"
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix, Delimiter="/").get("Contents", [])
    return [item["Key"] for item in listed]


def _health_keys(s3: S3Client, bucket: str, run: Run) -> list[str]:
    """The health.json of each stage, which the trainer writes beside its checkpoints."""
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{CHECKPOINTS}{run.name}/").get("Contents", [])
    return [item["Key"] for item in listed if item["Key"].endswith(f"/{HEALTH_FILE}")]


def _fetch(s3: S3Client, bucket: str, key: str, folder: Path, name: str) -> Path:
    if not _FILE_NAME.fullmatch(name):
        raise RunsError(
            f"s3://{bucket}/{key} has a name that cannot be a file name in {folder}: rename or delete the object."
        )
    path = folder / name
    with atomic_path(path) as temporary:
        s3.download_file(bucket, key, str(temporary))
    return path
