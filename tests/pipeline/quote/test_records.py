"""What completed runs took is kept, and broken records stop nobody."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from pipeline.quote.estimate import Estimate
from pipeline.quote.records import NEWEST, StageRecord, read_records, write_record
from pipeline.quote.speed import speed_of, spot_saving_of

from tests.contract.test_bounded_json import ATTACKS
from training_code.recipes import RECIPES

RECORD = StageRecord(
    execution_arn="arn:aws:states:us-east-1:123456789012:execution:Pipeline:run",
    training_job_name="floorplan-dino-run-abc123",
    recipe="room_wall",
    instance_type="ml.g5.2xlarge",
    spot=True,
    dataset_version="0" * 64,
    training_images=2935,
    epochs=5,
    trainer_seconds=5000.0,
    job_seconds=5400,
    billable_seconds=1620,
    usd_per_hour=1.515,
    ended="2026-11-20T12:00:00+00:00",
)


class Bucket:
    """The part of S3 that records use; each object is a minute younger than the one before."""

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        self.objects = dict(objects or {})

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        start = datetime(2026, 11, 20, tzinfo=UTC)
        contents = [
            {"Key": key, "LastModified": start + timedelta(minutes=age)}
            for age, key in enumerate(self.objects)
            if key.startswith(Prefix)
        ]
        return [{"Contents": contents[:7]}, {"Contents": contents[7:]}, {}]

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": BytesIO(self.objects[Key])}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        self.objects[Key] = Body


def read(bucket: Bucket) -> list[StageRecord]:
    client: Any = bucket
    return read_records(client, bucket="b")


def write(bucket: Bucket, name: str, record: StageRecord) -> None:
    client: Any = bucket
    write_record(client, bucket="b", execution_name=name, stage=0, record=record)


def test_records_are_read_as_they_were_written_the_newest_first() -> None:
    bucket = Bucket({"runs-of-others/1.json": b"{}"})
    second = replace(RECORD, epochs=50)
    write(bucket, "first", RECORD)
    write(bucket, "second", second)
    write(bucket, "second", second)  # a second try of the step
    assert read(bucket) == [second, RECORD]
    assert "runs/second-0.json" in bucket.objects


def test_only_the_newest_are_read() -> None:
    bucket = Bucket()
    for number in range(NEWEST + 9):
        write(bucket, str(number), replace(RECORD, epochs=number + 1))
    assert [record.epochs for record in read(bucket)] == list(range(NEWEST + 9, 9, -1))


def test_a_run_tells_its_speed_and_what_spot_saved() -> None:
    assert RECORD.images_per_second == pytest.approx(2.935)
    assert RECORD.spot_saving == pytest.approx(0.7)
    assert replace(RECORD, spot=False).spot_saving is None
    assert replace(RECORD, billable_seconds=9999).spot_saving == 0


UNUSUAL = {ord(str(digit)): 0x1D7D8 + digit for digit in range(10)}
"""Digits that have four bytes each, twelve in JSON."""

HOSTILE: dict[str, bytes] = ATTACKS | {
    f"{field} {value}"[:40]: json.dumps(asdict(RECORD))
    .encode()
    .replace(f'"{field}": {json.dumps(asdict(RECORD)[field])}'.encode(), f'"{field}": {value}'.encode())
    for field in asdict(RECORD)
    for value in ("null", "[]", "{}", "true", "-1", "1" + "0" * 400, "1e400", "NaN", "5e-324", "1e17", '"\\u001b"')
    if not (value == "true" and field == "spot")
    and not (value.startswith('"') and isinstance(asdict(RECORD)[field], str))
}


def test_a_record_of_a_thousand_classes_is_read() -> None:
    bucket = Bucket()
    record = replace(RECORD, classes=tuple(f"{number:016}".translate(UNUSUAL) for number in range(1000)))
    write(bucket, "large", record)
    assert read(bucket) == [record]


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_record_keeps_no_quote_from_the_sound_ones(attack: str) -> None:
    bucket = Bucket({"runs/x-0.json": HOSTILE[attack]})
    write(bucket, "sound", RECORD)
    records = read(bucket)
    assert RECORD in records
    for recipe, name in (("room_wall", "ml.g5.2xlarge"), ("tiny", "ml.g5.xlarge")):
        speed = speed_of(recipe, RECIPES[recipe].training, name, records, instance_count=1, training_images=2935)
        estimate = Estimate(
            instance_types=(name,), usd_per_hour=1.5, speed=speed, training_images=2935, epochs=(50,), max_cost_usd=60
        )
        assert estimate.usd > 0
        assert estimate.fits
        spot_saving_of(name, records)


def test_a_record_that_cannot_be_read_is_passed_over() -> None:
    class Denied(Bucket):
        def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
            if Key == "runs/x-0.json":
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")
            return super().get_object(Bucket=Bucket, Key=Key)

    bucket = Denied({"runs/x-0.json": b"{}"})
    write(bucket, "sound", RECORD)
    assert read(bucket) == [RECORD]


@given(
    st.binary(max_size=50)
    | st.fixed_dictionaries(
        {}, optional=dict.fromkeys(asdict(RECORD), st.none() | st.integers(-1, 1) | st.floats() | st.text(max_size=2))
    )
)
def test_whatever_lies_there_is_a_sound_record_or_passed_over(content: bytes | dict[str, Any]) -> None:
    body = content if isinstance(content, bytes) else json.dumps(asdict(RECORD) | content).encode()
    for record in read(Bucket({"runs/x-0.json": body})):
        assert record.images_per_second > 0
        assert record.spot_saving is None or 0 <= record.spot_saving <= 1
