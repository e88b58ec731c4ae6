"""A completed stage: the next one follows, the model is registered, or what falls short is said."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.response import StreamingBody
from pipeline.dataset.validation import DatasetCheck
from pipeline.execution import Execution
from pipeline.job.launched_job import Attempt, LaunchedJob, StopReason
from pipeline.model.artifact_metrics import MAX_FILE_BYTES
from pipeline.model.judgement import CompletedStage, Judgement, judge_stage
from pipeline.quote.baselines import Baselines
from pipeline.quote.cost_quote import Quote
from pipeline.quote.records import read_records
from pipeline.request import parse_request
from pipeline.settings import Defaults, JudgeSettings
from pipeline.state import to_state

from tests.pipeline.artifacts import HEALTH, METRICS, packed
from tests.pipeline.conftest import described_job
from training_code.job.health import judge_health
from training_code.training_settings import json_values, training_config

ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/floorplan-dino/3"
GOOD = {"model.safetensors": b"\0" * 1000, "metrics.json": METRICS, "health.json": HEALTH}
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


ROOMS = "The new model finds rooms better than yolo: F1 0.912 against 0.895."
LENIENT_ROOMS = "The new model and yolo: no difference in rooms that 421 plans can show."
ALL_CLASSES = "The new model finds boxes of all classes better than yolo: F1 0.902 against 0.885."


def difference(sentence: str | None, values: tuple[float, float], low: float, high: float, **more: Any) -> Any:
    a, b = values
    row = {
        "a": "the new model",
        "b": "yolo",
        "rule": "coco",
        "class": "room",
        "figure": "f1",
        "a_value": a,
        "b_value": b,
    }
    return row | {"low": low, "high": high} | ({"sentence": sentence} if sentence else {}) | more


COMPARISON = json.dumps(
    {
        "format": "floorplan-dino-baselines/1",
        "split": "test",
        "plans": 421,
        "baselines": {
            "yolo": {
                "classes": ["wall", "room"],
                "differences": [
                    difference(ALL_CLASSES, (0.902, 0.885), 0.003, 0.03, **{"class": None}),
                    difference(ROOMS, (0.912, 0.895), 0.004, 0.031),
                    difference(None, (0.6, 0.5), 0.05, 0.15, figure="ap"),
                    difference(LENIENT_ROOMS, (0.93, 0.929), -0.01, 0.012, rule="lenient"),
                ],
                "notes": ["The threshold of yolo has the best F1 on test itself, so its F1 is a little too high."],
            }
        },
        "not_compared": {"old": "it is about other images."},
    }
).encode()


class Bucket:
    """The part of S3 that Judge and the next quote use."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        assert Bucket == "bucket"
        return {"Body": StreamingBody(io.BytesIO(self.objects[Key]), len(self.objects[Key]))}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        assert (Bucket, ContentType) == ("bucket", "application/json")
        self.objects[Key] = Body

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        assert Bucket == "bucket"
        keys = [key for key in self.objects if key.startswith(Prefix)]
        return [{"Contents": [{"Key": key, "LastModified": AT} for key in keys]}]


class SageMaker:
    """One completed job, and a registry with at most one approved model."""

    def __init__(self, job: dict[str, Any], accepted_ap: float | None = None) -> None:
        self.job = job
        self.accepted_ap = accepted_ap
        self.registered: list[dict[str, Any]] = []

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:
        assert TrainingJobName == self.job["TrainingJobName"]
        return self.job

    def create_model_package_group(self, **_: str) -> None:
        return None

    def list_model_packages(self, **_: Any) -> dict[str, Any]:
        return {"ModelPackageSummaryList": [] if self.accepted_ap is None else [{"ModelPackageArn": ARN}]}

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:
        assert ModelPackageName == ARN
        return {"CustomerMetadataProperties": {"ap": str(self.accepted_ap), "dataset_version": "0" * 64}}

    def create_model_package(self, **request: Any) -> dict[str, str]:
        self.registered.append(request)
        return {"ModelPackageArn": ARN.replace("/3", "/4")}


class Court:
    """Judges stages of one execution."""

    def __init__(self, stage: CompletedStage) -> None:
        self.stage = stage
        self.bucket = Bucket({})
        job = described_job(
            stage.job.name,
            "Completed",
            "Completed",
            TrainingTimeInSeconds=900,
            BillableTimeInSeconds=300,
            TrainingEndTime=AT,
        )
        self.sagemaker = SageMaker(job)

    def judge(self, files: dict[str, bytes], **changes: Any) -> Judgement:
        self.bucket.objects["training-jobs/job/output/model.tar.gz"] = packed(files)
        sagemaker: Any = self.sagemaker
        s3: Any = self.bucket
        return judge_stage(sagemaker, s3, replace(self.stage, **changes))


@pytest.fixture
def court(
    defaults: Defaults,
    dataset: DatasetCheck,
    quote: Quote,
    job: LaunchedJob,
    execution: Execution,
) -> Court:
    settings = JudgeSettings(bucket="bucket", model_package_group="floorplan-dino", training_image="image:1")
    return Court(
        CompletedStage(
            request=parse_request({}, defaults),
            dataset=dataset,
            quote=quote,
            job=job,
            artifact_uri="s3://bucket/training-jobs/job/output/model.tar.gz",
            execution=execution,
            settings=settings,
            now=AT,
        )
    )


@pytest.fixture
def then_full(defaults: Defaults) -> dict[str, Any]:
    return {"request": parse_request({"preset": "test_then_full"}, defaults)}


def with_baselines(court: Court) -> Quote:
    return replace(court.stage.quote, baselines=Baselines(names=("yolo", "old"), prefix="reports/run/baselines-0/"))


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


def test_how_it_compares_with_the_baselines_is_told_kept_and_registered(court: Court) -> None:
    judgement = court.judge(GOOD | {"comparison.json": COMPARISON}, quote=with_baselines(court))
    assert judgement.decision == "registered"
    assert judgement.comparisons == (
        "Compared with the baseline yolo on the 421 plans of the test split:",
        ROOMS,
        LENIENT_ROOMS,
        "The threshold of yolo has the best F1 on test itself, so its F1 is a little too high.",
        "The baseline old is not compared: it is about other images.",
    )
    key = f"reports/{court.stage.execution.name}/comparison-0.json"
    assert (judgement.comparison_uri, court.bucket.objects[key]) == (f"s3://bucket/{key}", COMPARISON)
    (package,) = court.sagemaker.registered
    told = {name: value for name, value in package["CustomerMetadataProperties"].items() if name.startswith("baseline")}
    assert told == {
        "baseline.yolo.coco.f1.room": "0.9120 against 0.8950: +0.0170 from +0.0040 to +0.0310 on 421 plans of test",
        "baseline.yolo.lenient.f1.room": "0.9300 against 0.9290: +0.0010 from -0.0100 to +0.0120 on 421 plans of test",
    }
    assert package["CustomerMetadataProperties"]["comparison"] == judgement.comparison_uri
    assert json.loads(json.dumps(to_state(judgement))) == to_state(judgement)


def test_what_a_package_is_known_by_is_registered_however_much_is_compared(court: Court) -> None:
    """The registry takes 50 entries."""
    content = json.loads(COMPARISON)
    rooms = content["baselines"]["yolo"]["differences"][0]
    content["baselines"]["yolo"]["differences"] = [rooms | {"rule": f"rule {number}"} for number in range(60)]
    court.judge(GOOD | {"comparison.json": json.dumps(content).encode()}, quote=with_baselines(court))
    (package,) = court.sagemaker.registered
    known = {"ap", "f1", "dataset_version", "comparison", "classes", "execution", "training_job", "report"}
    assert known <= package["CustomerMetadataProperties"].keys()


def test_a_model_below_the_gate_is_compared_too(court: Court, defaults: Defaults) -> None:
    strict = parse_request({"quality_gate": {"room": 0.92}}, defaults)
    files = GOOD | {"comparison.json": COMPARISON}
    judgement = court.judge(files, request=strict, quote=with_baselines(court))
    assert judgement.decision == "gate_not_met"
    assert ROOMS in judgement.comparisons


def test_a_gate_without_a_class_that_is_compared_is_told_of_all_together(court: Court, defaults: Defaults) -> None:
    judgement = court.judge(
        GOOD | {"comparison.json": COMPARISON},
        request=parse_request({"quality_gate": {}}, defaults),
        quote=with_baselines(court),
    )
    assert judgement.comparisons[1] == ALL_CLASSES
    (package,) = court.sagemaker.registered
    assert "baseline.yolo.coco.f1.all" in package["CustomerMetadataProperties"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "it has no comparison.json"),
        (b"[]", "comparison.json cannot be used: its format is not floorplan-dino-baselines/1"),
        (b"x" * (MAX_FILE_BYTES + 1), "comparison.json has 4,000,001 bytes, more than 4,000,000"),
    ],
)
def test_a_comparison_that_cannot_be_read_costs_nothing_but_itself(
    court: Court, content: bytes | None, said: str
) -> None:
    files = ({"comparison.json": content} if content is not None else {}) | GOOD
    judgement = court.judge(files, quote=with_baselines(court))
    assert judgement.decision == "registered"
    (sentence,) = judgement.comparisons
    assert sentence.startswith("The model is not compared with the baselines: Of the model s3://bucket/")
    assert said in sentence
    assert judgement.comparison_uri is None


def test_nothing_is_told_of_baselines_where_there_are_none(court: Court, then_full: dict[str, Any]) -> None:
    assert court.judge(GOOD | {"comparison.json": COMPARISON}).comparisons == ()
    first = court.judge(GOOD, **then_full, quote=with_baselines(court))
    assert (first.decision, first.comparisons) == ("next_stage", ())


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
