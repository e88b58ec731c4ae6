"""A completed stage: the next one follows, the model is registered, or what falls short is said."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pipeline.job.launched_job import Attempt, StopReason
from pipeline.quote.records import read_records
from pipeline.request_input import parse_request
from pipeline.settings import Defaults
from pipeline.state import to_state

from tests.pipeline.artifacts import HEALTH, METRICS
from tests.pipeline.model.court import ARN, GOOD, Court
from training_code.job.health import judge_health


def health(**more: Any) -> bytes:
    given: dict[str, Any] = {"losses": [3.0, 2.0, 1.0], "seconds": 700.0, "needed_minutes": 10.0}
    return json.dumps(judge_health(**given | more)).encode()


def test_a_model_that_meets_the_gate_is_registered_with_all_that_tells_of_it(court: Court) -> None:
    judgement = court.judge(GOOD)
    assert (judgement.decision, judgement.model_package_arn) == ("registered", ARN.replace("/3", "/4"))
    (package,) = court.sagemaker.registered
    metadata = package["CustomerMetadataProperties"]
    assert {name: metadata[name] for name in ("ap", "f1", "f1.room", "f1.wall", "dataset_version", "report")} == {
        "ap": "0.710000",
        "f1": "0.930000",
        "f1.room": "0.910000",
        "f1.wall": "0.950000",
        "dataset_version": "0" * 64,
        "report": "s3://bucket/reports/run/report.json",
    }
    assert metadata["execution"] == court.stage.execution.arn
    for fact in ("The gate is met.", "F1 of room 0.9100", "No model was accepted before it.", "pending approval"):
        assert fact in judgement.sentence
    state = to_state(judgement)
    assert json.loads(json.dumps(state)) == state


def with_test(**figures: float) -> dict[str, bytes]:
    """The good artifact, which was measured on a test split too."""
    test = {"ap": 0.5, "f1": 0.6, "classes": {"room": {"f1": 0.7}, "wall": {"f1": None}}}
    return GOOD | {"metrics.json": json.dumps({**json.loads(METRICS), "test": test | figures}).encode()}


def test_the_test_split_is_told_beside_the_validation_split_and_judged_by_nothing(court: Court) -> None:
    judgement = court.judge(with_test())
    assert judgement.decision == "registered"
    assert (judgement.ap, judgement.f1_by_class) == (0.71, {"wall": 0.95, "room": 0.91})
    figures = "test split, at the same thresholds: AP 0.5000, F1 0.6000, F1 of room 0.7000, F1 of wall without a box."
    assert figures in judgement.sentence
    (package,) = court.sagemaker.registered
    metadata = {key: value for key, value in package["CustomerMetadataProperties"].items() if "test" in key}
    assert metadata == {"test.ap": "0.500000", "test.f1": "0.600000", "test.f1.room": "0.700000"}
    assert "AP 0.5000" in package["ModelPackageDescription"]


def test_figures_of_the_test_split_out_of_range_refuse_the_metrics(court: Court) -> None:
    judgement = court.judge(with_test(f1=1.8))
    assert judgement.decision == "gate_not_met"
    assert "test.f1 is not a number from 0 to 1" in judgement.sentence


def test_the_registry_has_the_version_that_the_trainer_found(court: Court) -> None:
    """Whatever was checked before: the data set may have been replaced meanwhile."""
    files = GOOD | {"metrics.json": json.dumps(json.loads(METRICS) | {"dataset_version": "1" * 64}).encode()}
    court.judge(files)
    (package,) = court.sagemaker.registered
    assert package["CustomerMetadataProperties"]["dataset_version"] == "1" * 64
    (record,) = (content for key, content in court.bucket.objects.items() if key.startswith("runs/"))
    assert json.loads(record)["dataset_version"] == "1" * 64


def test_the_metrics_lie_beside_the_report(court: Court) -> None:
    judgement = court.judge(GOOD)
    key = f"reports/{court.stage.execution.name}/metrics-0.json"
    assert (judgement.metrics_uri, court.bucket.objects[key]) == (f"s3://bucket/{key}", METRICS)
    assert court.sagemaker.registered[0]["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"] == judgement.metrics_uri


def test_of_a_data_set_with_other_classes_only_the_ap_is_judged_and_the_classes_are_told(court: Court) -> None:
    files = GOOD | {"metrics.json": METRICS.replace(b'"room"', b'"door"')}
    judgement = court.judge(files, dataset=replace(court.stage.dataset, classes=("wall", "door")))
    assert judgement.decision == "registered"
    assert "default gate for room does not apply: the data set has no such class." in judgement.sentence
    assert court.sagemaker.registered[0]["CustomerMetadataProperties"]["classes"] == "wall / door"


def test_a_thousand_classes_do_not_flood_the_sentence(court: Court, defaults: Defaults) -> None:
    classes = {f"class {number}": {"f1": 0.9} for number in range(1000)}
    files = GOOD | {"metrics.json": json.dumps({"ap": 0.7, "f1": 0.9, "classes": classes}).encode()}
    judgement = court.judge(files, request=parse_request({"quality_gate": {}}, defaults))
    assert judgement.decision == "registered"
    assert "F1 of class 19 0.9000 and 980 more." in judgement.sentence


def test_a_model_below_the_gate_is_not_registered_and_told_why(court: Court, defaults: Defaults) -> None:
    strict = parse_request({"quality_gate": {"room": 0.92}}, defaults)
    judgement = court.judge(GOOD, request=strict)
    assert (judgement.decision, judgement.model_package_arn) == ("gate_not_met", None)
    assert judgement.sentence == (
        "The gate is not met: The F1 of room is 0.9100 on the validation split at its best threshold, at IoU 0.5, "
        "below 0.92. Validation split, at its best thresholds: AP 0.7100, F1 0.9300, F1 of wall 0.9500, "
        "F1 of room 0.9100. F1 is by COCO's matching at IoU 0.5."
    )
    assert judgement.f1_by_class == {"wall": 0.95, "room": 0.91}
    assert court.sagemaker.registered == []


def test_a_model_that_is_worse_than_the_last_accepted_one_is_not_registered(court: Court) -> None:
    court.sagemaker.accepted_ap = 0.72
    judgement = court.judge(GOOD)
    assert judgement.decision == "gate_not_met"
    assert "The AP is 0.7100, below the 0.7200 of the accepted" in judgement.sentence
    assert court.sagemaker.registered == []


def test_a_model_as_good_as_the_last_accepted_one_is_registered_with_what_it_was_compared_to(court: Court) -> None:
    court.sagemaker.accepted_ap = 0.71
    judgement = court.judge(GOOD)
    assert judgement.decision == "registered"
    assert f"compared with {ARN}" in judgement.sentence


@pytest.mark.parametrize("files", [{}, {"health.json": HEALTH}, {"metrics.json": b"{}", "health.json": HEALTH}])
def test_without_metrics_nothing_is_registered(court: Court, files: dict[str, bytes]) -> None:
    judgement = court.judge(files, job=replace(court.stage.job, spot=False))
    assert (judgement.decision, judgement.ap, judgement.metrics_uri) == ("gate_not_met", None, None)
    assert "metrics.json" in judgement.sentence
    assert court.sagemaker.registered == []


@pytest.mark.parametrize("files", [{}, {"health.json": HEALTH}])
@pytest.mark.parametrize("stage", [0, 1])
def test_a_spot_job_that_completed_without_a_model_was_interrupted_and_goes_on(
    court: Court, files: dict[str, bytes], stage: int, then_full: dict[str, Any]
) -> None:
    """SageMaker may take the trainer's exit status 0 after a SIGTERM for the job's own end."""
    job = replace(court.stage.job, stage=stage, choice=1, number=4)
    judgement = court.judge(files, job=job, **then_full)
    assert (judgement.decision, judgement.metrics_uri) == ("interrupted", None)
    assert judgement.attempt == Attempt(stage=stage, choice=1, number=5)
    assert f"{job.name} completed without a model" in judgement.sentence
    assert court.bucket.objects.keys() == {"training-jobs/job/output/model.tar.gz"}, "nothing is recorded"
    assert court.sagemaker.registered == []


def test_a_spot_job_that_was_told_to_stop_does_not_go_on(court: Court) -> None:
    stop = StopReason(error="OverBudget", cause="Too dear.", relaunch=False)
    assert court.judge({}, job=replace(court.stage.job, stop=stop)).decision == "gate_not_met"


def test_a_good_test_run_is_followed_by_the_full_one(court: Court, then_full: dict[str, Any]) -> None:
    judgement = court.judge(GOOD, **then_full, job=replace(court.stage.job, number=2, choice=1))
    assert judgement.decision == "next_stage"
    assert judgement.attempt == Attempt(stage=1, choice=0, number=3), "in the order the request names"
    assert "The loss fell" in judgement.sentence
    assert court.sagemaker.registered == [], "the test run's model is not for use"


def test_the_full_run_is_judged_by_the_gate(court: Court, then_full: dict[str, Any]) -> None:
    judgement = court.judge(GOOD, **then_full, job=replace(court.stage.job, stage=1))
    assert judgement.decision == "registered"
    s3: Any = court.bucket
    assert [record.epochs for record in read_records(s3, bucket="bucket")] == [50]


def test_a_test_run_too_short_for_ten_minutes_is_good_if_its_loss_fell(court: Court, then_full: dict[str, Any]) -> None:
    files = GOOD | {"health.json": health(seconds=60.0)}
    assert court.judge(files, **then_full).decision == "next_stage"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (GOOD | {"health.json": health(losses=[1.0] * 20 + [3.0] * 20)}, "The loss rose from 1 to 3"),
        ({"metrics.json": METRICS}, "no readable health.json"),
        (GOOD | {"health.json": b"[]"}, "no readable health.json"),
    ],
)
def test_after_a_poor_test_run_the_full_one_is_not_paid_for(
    court: Court, then_full: dict[str, Any], *, files: dict[str, bytes], said: str
) -> None:
    judgement = court.judge(files, **then_full)
    assert (judgement.decision, judgement.attempt) == ("unhealthy", None)
    assert said in judgement.sentence
