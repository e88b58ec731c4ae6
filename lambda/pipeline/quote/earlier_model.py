"""The model of an earlier run that a request continues: where it is, and whether it fits, before anything is spent."""

from dataclasses import dataclass

from pipeline.aws_errors import raising_unavailable
from pipeline.client_types import S3Client
from pipeline.dataset.validation import DatasetCheck
from pipeline.errors import RequestInvalid
from pipeline.name_list import name_list
from pipeline.quote.records import StageRecord, read_record
from pipeline.request import MOST_STAGES, PRESETS, Request
from pipeline.s3_layout import model_key


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierModel:
    """The model that the jobs go on training."""

    run: str
    """The name of the execution that made it."""
    key: str
    """Of its model.tar.gz."""
    is_of_this_data: bool
    """Whether it was trained on the same version of the data set."""

    @property
    def sentence(self) -> str:
        """What it is, and what that means for the figures."""
        if self.is_of_this_data:
            return f"It continues the model of the run {self.run}, which was trained on the same version of the data."
        return (
            f"It continues the model of the run {self.run}, which was trained on another version of the data: images "
            "that are now in the validation or test split may have been trained on, and the figures be too good."
        )


def find_earlier_model(s3: S3Client, *, bucket: str, request: Request, dataset: DatasetCheck) -> EarlierModel | None:
    """The model of the last completed stage of the run that the request continues; None if it continues none.

    Raises RequestInvalid if there is no such model or it does not fit, AwsUnavailable.
    """
    run = request.continue_from
    if run is None:
        return None
    record = _last_record(s3, bucket, run)
    if record is None:
        raise _refusal(
            f"there is no completed training of the run {run}. `python -m runs` lists the runs; one that is registered "
            "or has not met the gate has a model"
        )
    if record.recipe != request.recipe:
        presets = [name for name, preset in PRESETS.items() if preset.recipe == record.recipe]
        raise _refusal(
            f"the model of {run} is of the recipe {record.recipe}, but the preset {request.preset} trains "
            f"{request.recipe}: start again with the preset {' or '.join(presets) or 'of that recipe'}"
        )
    if set(record.classes) != set(dataset.classes):
        had = f"has the classes {name_list(record.classes)}" if record.classes else "is older than what tells classes"
        raise _refusal(
            f"the model of {run} {had}, but the data set has {name_list(dataset.classes)}: it can only continue on the "
            "same classes; train a new model, or prepare the data set with --classes"
        )
    key = model_key(record.training_job_name)
    with raising_unavailable():
        listed = s3.list_objects_v2(Bucket=bucket, Prefix=key)
    if key not in [item["Key"] for item in listed.get("Contents", [])]:
        raise _refusal(f"the model of {run} is no longer at s3://{bucket}/{key}: somebody deleted it")
    return EarlierModel(run=run, key=key, is_of_this_data=record.dataset_version == dataset.version)


def _last_record(s3: S3Client, bucket: str, run: str) -> StageRecord | None:
    found = (read_record(s3, bucket=bucket, execution_name=run, stage=stage) for stage in reversed(range(MOST_STAGES)))
    return next((record for record in found if record is not None), None)


def _refusal(problem: str) -> RequestInvalid:
    return RequestInvalid(f"The input's field continue_from cannot be followed: {problem}.")
