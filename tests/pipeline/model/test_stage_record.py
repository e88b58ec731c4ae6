"""What a judged stage leaves for the next quotes: its speed, price and settings."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pipeline.quote.records import read_records

from tests.pipeline.artifacts import HEALTH, METRICS
from tests.pipeline.model.court import GOOD, Court
from training_code.training_settings import json_values, training_config


def test_what_the_run_took_is_kept_for_the_next_quotes(court: Court) -> None:
    court.judge(GOOD)
    s3: Any = court.bucket
    (record,) = read_records(s3, bucket="bucket")
    assert (record.recipe, record.instance_type, record.epochs) == ("room_wall", "ml.g5.2xlarge", 5)
    assert (record.training_images, record.trainer_seconds) == (5, 700)
    assert record.images_per_second == pytest.approx(5 * 5 / 700)
    assert record.spot_saving == pytest.approx(2 / 3)
    assert list(court.bucket.objects).count(f"runs/{court.stage.execution.name}-0.json") == 1


def test_the_record_of_a_job_on_several_instances_has_the_price_of_all(court: Court) -> None:
    court.sagemaker.job["ResourceConfig"] = {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 2}
    court.judge(GOOD)
    s3: Any = court.bucket
    (record,) = read_records(s3, bucket="bucket")
    assert (record.instance_count, record.usd_per_hour) == (2, 3.03)


def test_record_and_registry_keep_the_settings(court: Court) -> None:
    settings = {"learning_rate": 5e-5, "image_short_sides": [640, 800], "lr_drop_epoch": None}
    court.judge(GOOD, request=replace(court.stage.request, training=settings))
    s3: Any = court.bucket
    (record,) = read_records(s3, bucket="bucket")
    assert record.training == json_values(training_config("room_wall", {**settings, "epochs": 5}))
    metadata = court.sagemaker.registered[0]["CustomerMetadataProperties"]
    assert {name: value for name, value in metadata.items() if name.startswith("training.")} == {
        "training.learning_rate": "5e-05",
        "training.image_short_sides": "640 / 800",
        "training.lr_drop_epoch": "null",
    }


def stopped_after(epochs: int) -> dict[str, bytes]:
    """The good artifact of a training that ended after so many epochs, of ten minutes each."""
    evaluations = [
        {"epoch": epoch, "seconds": 600 * epoch, "mean_f1": 0.1 * min(epoch, 5)} for epoch in range(1, epochs + 1)
    ]
    more = {"epochs_trained": epochs, "evaluations": evaluations}
    return GOOD | {"metrics.json": json.dumps(json.loads(METRICS) | more).encode()}


def test_of_a_run_that_stopped_early_the_epochs_that_it_trained_tell_its_speed(
    court: Court, then_full: dict[str, Any]
) -> None:
    """By the 50 asked for, it would have been four times as fast, and the next quote too low."""
    judgement = court.judge(stopped_after(12), **then_full, job=replace(court.stage.job, stage=1))
    s3: Any = court.bucket
    (record,) = read_records(s3, bucket="bucket")
    assert record.epochs == 12
    assert record.images_per_second == pytest.approx(5 * 12 / 700)
    assert "Training took 12 of 50 epochs, since F1 no longer rose." in judgement.sentence
    cost = (
        "The last 5 epochs cost 1.26 USD and brought +0.0 points of F1 (best 0.500 at epoch 5), at the on-demand price."
    )
    assert cost in judgement.sentence
    assert "epochs cost" not in court.sagemaker.registered[0]["ModelPackageDescription"]


def test_a_run_that_trained_all_its_epochs_says_so(court: Court) -> None:
    sentence = court.judge(stopped_after(5)).sentence
    assert "Training took 5 of 5 epochs. The last 4 epochs cost 1.01 USD and brought +40.0 points of F1" in sentence


@pytest.mark.parametrize("files", [{"health.json": HEALTH}, {"health.json": HEALTH, "metrics.json": b"{}"}])
def test_a_run_that_does_not_tell_its_epochs_teaches_nothing_about_speed(court: Court, files: dict[str, bytes]) -> None:
    court.judge(files)
    assert not [key for key in court.bucket.objects if key.startswith("runs/")]


def test_a_run_without_health_teaches_nothing_about_speed(court: Court) -> None:
    court.judge({"metrics.json": METRICS})
    assert not [key for key in court.bucket.objects if key.startswith("runs/")]
