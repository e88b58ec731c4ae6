"""Which model a request continues, and that one which does not fit is refused before anything is spent."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pipeline.dataset.validation import DatasetCheck
from pipeline.errors import RequestInvalid
from pipeline.quote.earlier_model import EarlierModel, find_earlier_model
from pipeline.quote.records import StageRecord, write_record
from pipeline.request import Request

from tests.pipeline.bucket_in_memory import BucketInMemory
from tests.pipeline.quote.test_records import RECORD

Find = Callable[..., EarlierModel | None]
RUN = "run-1"
MADE = replace(RECORD, classes=("wall", "room"))


@pytest.fixture
def find(request_: Request, dataset: DatasetCheck) -> Find:
    """What is found in a bucket of these records of the stages of RUN, with the model of each, or without."""

    def found(*records: StageRecord, run: str | None = RUN, models: bool = True, **fields: Any) -> EarlierModel | None:
        objects: dict[str, bytes] = {}
        s3: Any = BucketInMemory(objects)
        for stage, record in enumerate(records):
            write_record(s3, bucket="bucket", execution_name=RUN, stage=stage, record=record)
            if models:
                objects[f"training-jobs/{record.training_job_name}/output/model.tar.gz"] = b""
        checked = replace(dataset, **fields)
        return find_earlier_model(s3, bucket="bucket", request=replace(request_, continue_from=run), dataset=checked)

    return found


def test_a_request_that_continues_nothing_has_no_earlier_model(find: Find) -> None:
    assert find(MADE, run=None) is None


def test_the_model_of_the_last_completed_stage_is_continued(find: Find) -> None:
    model = find(MADE, replace(MADE, training_job_name="floorplan-dino-full"))
    assert model == EarlierModel(
        run=RUN, key="training-jobs/floorplan-dino-full/output/model.tar.gz", is_of_this_data=True
    )
    assert "the same version" in model.sentence


def test_another_version_of_the_data_is_allowed_and_said(find: Find) -> None:
    model = find(MADE, version="1" * 64)
    assert model is not None
    assert "validation or test split may have been trained on" in model.sentence


def test_the_same_classes_may_have_another_order(find: Find) -> None:
    assert find(MADE, classes=("room", "wall"))


@pytest.mark.parametrize(
    ("records", "more", "said"),
    [
        ([], {}, "no completed training of the run run-1. `python -m runs`"),
        ([MADE], {"run": "run"}, "no completed training of the run run."),
        (
            [replace(MADE, recipe="tiny")],
            {},
            "recipe tiny, but the preset test trains room_wall: start again with the preset tiny",
        ),
        ([replace(MADE, recipe="gone")], {}, "of that recipe"),
        (
            [MADE],
            {"classes": ("wall", "room", "door")},
            "the classes wall, room, but the data set has wall, room, door",
        ),
        ([RECORD], {}, "older than what tells classes"),
        ([MADE], {"models": False}, "somebody deleted it"),
    ],
)
def test_a_model_that_is_gone_or_does_not_fit_is_refused(
    find: Find, records: list[StageRecord], more: dict[str, Any], said: str
) -> None:
    with pytest.raises(RequestInvalid) as refusal:
        find(*records, **more)
    assert str(refusal.value).startswith("The input's field continue_from cannot be followed: ")
    assert said in str(refusal.value)
