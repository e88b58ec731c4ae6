"""Downloads what a run left in S3: reports, metrics, health, pictures, curves, and the model, unpacked."""

from pathlib import Path

import boto3
from pipeline.s3_layout import REPORTS

from runs.bucket import Bucket
from runs.errors import RunsError
from runs.executions import Run
from runs.model_archive import fetch_model_archive
from runs.stage_files import curves_path, fetch_stages, write_curves
from runs.state_input import number, text

MODEL = "model"


def fetch_run(session: boto3.Session, bucket_name: str, run: Run, folder: Path) -> list[Path]:
    """Write the run's files below `folder` and return their paths; the model comes last, as `folder`/model.

    Each is written whole or not at all, so an interrupted fetch can be repeated. Raises RunsError if `folder` already
    holds a model, an object's name cannot be a file name, or what is to be drawn is damaged.
    """
    if (folder / MODEL).exists():
        raise RunsError(f"{folder / MODEL} already exists: remove it, or name another folder with --to.")
    folder.mkdir(parents=True, exist_ok=True)
    bucket = Bucket(session.client("s3"), bucket_name)
    # Those in the folders of reports/<execution>/ are the pipeline's own.
    fetched = [bucket.download(key, folder) for key in bucket.files(f"{REPORTS}{run.name}/")]
    fetched += fetch_stages(bucket, run.name, folder)
    artifact = text(run.state_input, "outcome", "artifact_uri")
    if artifact:
        fetch_model_archive(session, artifact, folder / MODEL)
        curves = curves_path(folder, int(number(run.state_input, "job", "stage") or 0))
        if curves not in fetched:  # the checkpoints have expired
            fetched += write_curves(folder / MODEL, curves)
        fetched.append(folder / MODEL)
    return fetched
