"""create_training_job's arguments: what botocore's service model and SageMaker's documented rules accept."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.validate import ParamValidator
from pipeline.dataset.validation import DatasetCheck
from pipeline.execution import Execution
from pipeline.instance_types import INSTANCE_TYPES
from pipeline.job.arguments import CONTAINER_ENTRYPOINT, training_job_arguments
from pipeline.quote.cost_quote import Quote
from pipeline.request_input import MAX_GATE_CLASSES, parse_request
from pipeline.settings import Defaults, LaunchSettings

from local_aws.sagemaker.s3_transfer import S3Uri, path_below
from training_code.job.hyperparameters import parse_hyperparameters
from training_code.recipes import RECIPES
from training_code.training_settings import training_config

Build = Any


@pytest.fixture(scope="module")
def shape() -> StructureShape:
    model = botocore.session.get_session().get_service_model("sagemaker")
    found = model.operation_model("CreateTrainingJob").input_shape
    assert isinstance(found, StructureShape)
    return found


@pytest.fixture
def build(
    defaults: Defaults, quote: Quote, dataset: DatasetCheck, execution: Execution, settings: LaunchSettings
) -> Build:
    def arguments(
        weights: str | None = None,
        *,
        baselines: str | None = None,
        types: tuple[str, ...] = ("ml.g5.2xlarge",),
        spot: bool = True,
        stage: int = 0,
        settings: LaunchSettings = settings,
        dataset: DatasetCheck = dataset,
        **fields: Any,
    ) -> dict[str, Any]:
        request = parse_request({**fields, "spot": spot}, defaults)
        return training_job_arguments(
            request=request,
            stage=stage,
            choice=replace(quote.choices[0], instance_types=types, spot=spot),
            max_runtime_seconds=21600,
            dataset=dataset,
            weights=weights,
            baselines=baselines,
            execution=execution,
            number=3,
            settings=settings,
        )

    return arguments


def violations(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """What ParamValidator leaves out: patterns, enumerations and greatest lengths."""
    size, pattern = shape.metadata.get("max"), shape.metadata.get("pattern")
    if isinstance(shape, StructureShape):
        for name, item in value.items():
            yield from violations(shape.members[name], item, f"{path}.{name}")
    elif isinstance(shape, ListShape):
        if size is not None and len(value) > size:
            yield f"{path}: more than {size} items"
        for index, item in enumerate(value):
            yield from violations(shape.member, item, f"{path}[{index}]")
    elif isinstance(shape, MapShape):
        if size is not None and len(value) > size:
            yield f"{path}: more than {size} entries"
        for key, item in value.items():
            yield from violations(shape.key, key, f"{path}.{key}")
            yield from violations(shape.value, item, f"{path}.{key}")
    else:
        if size is not None and (len(value) if isinstance(value, str) else value) > size:
            yield f"{path}: above {size}"
        if pattern is not None and not re.fullmatch(pattern.replace(r"\p{L}\p{Z}\p{N}_", r"\w\s"), value):
            yield f"{path}: {value!r} does not match {pattern}"
        if shape.metadata.get("enum") and value not in shape.metadata["enum"]:
            yield f"{path}: {value!r} is none of its values"


@pytest.mark.parametrize("spot", [True, False])
@pytest.mark.parametrize("preset", ["test", "full", "test_then_full", "tiny"])
@pytest.mark.parametrize(
    "weights", [None, "pretrained/" + "a-_." * 25 + ".safetensors", f"training-jobs/{'a' * 63}/output/model.tar.gz"]
)
def test_sagemaker_would_accept_them(
    build: Build, shape: StructureShape, *, spot: bool, preset: str, weights: str | None
) -> None:
    types = ("ml.g5.2xlarge",) if spot else ("ml.g5.2xlarge", "ml.g6e.2xlarge")
    arguments = build(spot=spot, types=types, preset=preset, weights=weights)
    assert not ParamValidator().validate(arguments, shape).has_errors()
    assert list(violations(shape, arguments)) == []


def test_the_customers_key_encrypts_the_model_and_no_volume(
    build: Build, shape: StructureShape, settings: LaunchSettings
) -> None:
    assert "KmsKeyId" not in build()["OutputDataConfig"]
    key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    arguments = build(settings=replace(settings, kms_key_arn=key))
    assert arguments["OutputDataConfig"]["KmsKeyId"] == key
    assert list(violations(shape, arguments)) == []
    assert "VolumeKmsKeyId" not in arguments["ResourceConfig"], "refused for types with disks of their own"
    assert all(each.local_disk_gb for each in INSTANCE_TYPES.values())


def test_the_checks_of_this_file_would_notice_a_wrong_name(build: Build, shape: StructureShape) -> None:
    wrong = build() | {"TrainingJobName": "a" * 64 + "_"}
    assert len(list(violations(shape, wrong))) == 2


def test_a_spot_job_waits_at_least_as_long_as_it_may_run_and_keeps_checkpoints(build: Build) -> None:
    arguments = build(spot=True)
    stopping = arguments["StoppingCondition"]
    assert stopping["MaxWaitTimeInSeconds"] >= stopping["MaxRuntimeInSeconds"] == 6 * 3600
    assert arguments["EnableManagedSpotTraining"] is True
    assert arguments["CheckpointConfig"]["S3Uri"].startswith("s3://bucket/checkpoints/3f1b1c9e")


def test_each_stage_has_its_own_epochs_and_checkpoints(build: Build) -> None:
    first, second = build(preset="test_then_full", stage=0), build(preset="test_then_full", stage=1)
    assert [arguments["HyperParameters"]["epochs"] for arguments in (first, second)] == ["5", "50"]
    assert first["CheckpointConfig"]["S3Uri"].endswith("/0/")
    assert second["CheckpointConfig"]["S3Uri"].endswith("/1/")


def test_the_trainer_is_told_the_gates_classes(build: Build, dataset: DatasetCheck, shape: StructureShape) -> None:
    def told(**fields: Any) -> tuple[str, ...]:
        arguments = build(**fields)
        assert list(violations(shape, arguments)) == []
        return parse_hyperparameters(arguments["HyperParameters"]).gate_classes

    assert set(dataset.classes) == {"wall", "room"}
    assert told() == ("room",)
    assert told(quality_gate={"wall": 0.9, "room": 0.8, "door": 0.5}) == ("wall", "room")
    assert told(quality_gate={}) == ()
    names = tuple(f"{number:02}{'室' * 61}" for number in range(MAX_GATE_CLASSES))
    assert told(dataset=replace(dataset, classes=names), quality_gate=dict.fromkeys(names, 0.5)) == names


def test_the_trainer_trains_with_the_requests_settings(build: Build, shape: StructureShape) -> None:
    settings = {
        "learning_rate": 5e-5,
        "image_short_sides": [640, 800],
        "crop_short_sides": [],
        "cpu_threads": None,
        "precision": "fp32",
        "horizontal_flip": False,
    }
    for stage, epochs, patience in ((0, 5, None), (1, 50, 8)):
        arguments = build(preset="test_then_full", stage=stage, training=settings)
        assert list(violations(shape, arguments)) == []
        expected = training_config("room_wall", {**settings, "epochs": epochs, "patience": patience})
        assert parse_hyperparameters(arguments["HyperParameters"]).training == expected


def test_of_several_types_on_demand_sagemaker_takes_the_first_that_is_free(build: Build) -> None:
    resources = build(spot=False, types=("ml.g5.2xlarge", "ml.g6e.2xlarge"))["ResourceConfig"]
    assert [each["InstanceType"] for each in resources["InstancePreferences"]] == ["ml.g5.2xlarge", "ml.g6e.2xlarge"]
    assert "InstanceType" not in resources, "SageMaker refuses both"
    assert "InstanceCount" not in resources


@pytest.mark.parametrize("types", [("ml.g5.12xlarge",), ("ml.g5.12xlarge", "ml.g6.12xlarge")])
def test_a_job_has_as_many_instances_as_are_asked_for(
    build: Build, shape: StructureShape, types: tuple[str, ...]
) -> None:
    arguments = build(spot=False, types=types, instance_types=list(types), instance_count=3)
    resources = arguments["ResourceConfig"]
    assert [each["InstanceCount"] for each in resources.get("InstancePreferences", [resources])] == [3] * len(types)
    assert not ParamValidator().validate(arguments, shape).has_errors()
    assert list(violations(shape, arguments)) == []


def test_an_on_demand_job_has_no_waiting_time_which_sagemaker_would_refuse(build: Build) -> None:
    arguments = build(spot=False)
    assert set(arguments["StoppingCondition"]) == {"MaxRuntimeInSeconds"}
    assert arguments["EnableManagedSpotTraining"] is False


def test_the_container_has_no_network_and_one_gpu_instance(build: Build) -> None:
    arguments = build()
    assert arguments["EnableNetworkIsolation"] is True
    assert arguments["ResourceConfig"]["InstanceCount"] == 1
    assert "VpcConfig" not in arguments


def channels(arguments: dict[str, Any]) -> dict[str, str]:
    return {
        channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in arguments["InputDataConfig"]
    }


def test_the_channels_of_data_and_code_are_folders(build: Build) -> None:
    """An S3 prefix without a slash at its end would also bring the data set dino-data-2."""
    assert channels(build()) == {"dataset": "s3://bucket/dino-data/", "code": "s3://bucket/training-code/abc123/"}


def test_the_weights_are_a_channel_of_one_file_that_keeps_its_name(build: Build) -> None:
    weights = S3Uri.parse(channels(build(weights="pretrained/resnet50.pth"))["pretrained"])
    assert str(weights) == "s3://bucket/pretrained/resnet50.pth"
    assert path_below(weights.key, "pretrained/resnet50.pth") == "resnet50.pth"


def test_baselines_are_a_channel_only_where_there_are_some(build: Build, shape: StructureShape) -> None:
    """SageMaker refuses a job with a channel of nothing."""
    assert "baselines" not in channels(build())
    arguments = build(baselines="reports/run/baselines-0/")
    assert channels(arguments)["baselines"] == "s3://bucket/reports/run/baselines-0/"
    assert list(violations(shape, arguments)) == []


def test_the_trainer_understands_its_hyperparameters(build: Build) -> None:
    for preset, epochs, expected in (("test", 7, 7), ("full", 50, 50), ("tiny", None, RECIPES["tiny"].training.epochs)):
        hyperparameters = build(preset=preset, epochs=epochs)["HyperParameters"]
        job = parse_hyperparameters(hyperparameters)
        assert (job.training.epochs, job.dataset_version) == (expected, "0" * 64)


@pytest.mark.parametrize(
    ("preset", "patience"), [("test", [None]), ("tiny", [None]), ("full", [8]), ("test_then_full", [None, 8])]
)
def test_a_long_training_stops_when_it_no_longer_pays(build: Build, preset: str, patience: list[int | None]) -> None:
    jobs = [build(preset=preset, stage=stage)["HyperParameters"] for stage in range(len(patience))]
    assert [parse_hyperparameters(each).training.patience for each in jobs] == patience


def test_the_tags_tell_what_the_model_is_made_of(build: Build, execution: Execution, settings: LaunchSettings) -> None:
    assert {tag["Key"]: tag["Value"] for tag in build()["Tags"]} == {
        "floorplan-dino:execution": execution.arn,
        "floorplan-dino:dataset-version": "0" * 64,
        "floorplan-dino:code-version": "training-code/abc123/",
        "floorplan-dino:image": settings.training_image,
        "floorplan-dino:preset": "test",
        "floorplan-dino:stage": "0",
        "floorplan-dino:pretrained": "none",
    }
    assert {"Key": "floorplan-dino:pretrained", "Value": "resnet50.pth"} in build(weights="pretrained/resnet50.pth")[
        "Tags"
    ]


def test_the_entry_point_ends_in_exec_so_that_sigterm_arrives() -> None:
    assert CONTAINER_ENTRYPOINT[-1].endswith("exec python -m training_code.train")
    assert CONTAINER_ENTRYPOINT[-1].startswith("set -e;")
    assert "--no-index" in CONTAINER_ENTRYPOINT[-1]
