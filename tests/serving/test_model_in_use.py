"""Only the newest approved model serves: it is exchanged without a deployment, and nothing else takes its place."""

from __future__ import annotations

import inspect
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from pipeline.errors import AwsUnavailable
from pipeline.model.approved_models import ApprovedModel, newest_approved
from serving.errors import NoApprovedModel
from serving.model_in_use import ModelInUse, load_model

from runs.approve import go_back
from tests.archive_reader.hostile_archives import HOSTILE
from tests.pipeline.artifacts import packed
from tests.prediction.exported_models import write_exported_model
from tests.serving.cloud import GROUP, SETTINGS, Bucket, FoundBy, Registry, arn, model_key, png


class Serving:
    """The model in use, with a clock that a test turns, and what was loaded."""

    def __init__(self, registry: Registry) -> None:
        self.now, self.loaded = 1000.0, list[str]()
        self._model = ModelInUse(
            cast("Any", registry), cast("Any", Bucket()), SETTINGS, load=self._load, clock=lambda: self.now
        )

    def _load(self, _s3: object, approved: ApprovedModel) -> Any:
        self.loaded.append(approved.arn)
        return FoundBy([])

    def version(self, *, after: float = 0) -> int:
        self.now += after
        return self._model.current().approved.version


def test_the_newest_approved_model_is_loaded_once_and_the_registry_asked_once_a_minute() -> None:
    registry = Registry(v1="Approved", v2="Approved", v3="PendingManualApproval")
    serving = Serving(registry)
    assert [serving.version(after=20) for _ in range(9)] == [2] * 9
    assert (serving.loaded, registry.questions) == ([arn(2)], 3)


def test_the_next_approved_model_serves_within_a_minute_and_going_back_brings_the_one_before() -> None:
    registry = Registry(v1="Approved", v2="PendingManualApproval")
    serving = Serving(registry)
    assert serving.version() == 1
    registry.approvals[2] = "Approved"
    assert serving.version(after=59) == 1
    assert serving.version(after=1) == 2

    class Updated:
        list_model_packages = registry.list_model_packages

        def update_model_package(self, *, ModelPackageArn: str, ModelApprovalStatus: str) -> None:
            registry.approvals[int(ModelPackageArn[-1])] = ModelApprovalStatus

    assert go_back(cast("Any", Updated()), GROUP) == (arn(1), arn(2))
    assert serving.version(after=60) == 1
    assert serving.loaded == [arn(1), arn(2), arn(1)]


def test_time_goes_on_while_the_function_is_frozen_and_a_clock_that_is_set_back_keeps_no_model() -> None:
    """Lambda freezes it between two plans, in which the monotonic clock may stand still."""
    assert inspect.signature(ModelInUse).parameters["clock"].default is time.time
    registry = Registry(v1="Approved")
    serving = Serving(registry)
    assert serving.version() == 1
    registry.approvals[2] = "Approved"
    assert serving.version(after=-3600) == 2


def test_a_model_whose_approval_is_withdrawn_serves_no_more() -> None:
    registry = Registry(v1="Approved")
    serving = Serving(registry)
    serving.version()
    registry.approvals[1] = "Rejected"
    with pytest.raises(NoApprovedModel, match=r"No model of floorplan-dino is approved: `python -m runs approve`"):
        serving.version(after=60)
    with pytest.raises(NoApprovedModel):
        serving.version()


def test_while_the_registry_is_busy_the_model_goes_on_but_none_is_made_up() -> None:
    registry = Registry(v1="Approved")
    serving = Serving(registry)
    registry.busy = True
    with pytest.raises(AwsUnavailable):
        serving.version()
    registry.busy = False
    assert serving.version() == 1
    registry.busy = True
    assert serving.version(after=600) == 1
    registry.busy = False
    registry.approvals[2] = "Approved"
    assert serving.version() == 2, "it is asked again at once"


def approved() -> ApprovedModel:
    model = newest_approved(cast("Any", Registry(v1="Approved")), GROUP)
    assert model is not None
    return model


def test_of_an_archive_the_exported_model_is_loaded_and_nothing_stays_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    write_exported_model(folder)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    files = {path.name: path.read_bytes() for path in folder.iterdir()} | {"code/evil.py": b"raise SystemExit"}
    model = load_model(cast("Any", Bucket({model_key(1): packed(files)})), approved())
    assert model.backend.name == "onnx"
    (tmp_path / "plan.png").write_bytes(png())
    assert model.predict(tmp_path / "plan.png", threshold=0.0)
    assert list(scratch.iterdir()) == []


CANNOT_SERVE = {
    "missing": (None, r"\(s3://bucket/training-jobs/job-1/output/model\.tar\.gz does not exist\)"),
    "old": (packed({"config.json": b"{}"}), r"has no model\.onnx: it was trained before models were exported"),
    "damaged": (
        packed({"config.json": b"{}", "model.onnx": b"x"}),
        r"s3://bucket/.*model\.tar\.gz does not hold a model",
    ),
    "cut short": (packed({"config.json": b"{}", "model.onnx": bytes(5000)})[:-9], r"the archive is damaged"),
    **{name: (content, r"the archive ") for name, content in HOSTILE.items()},
}


@pytest.mark.parametrize("name", CANNOT_SERVE)
def test_a_model_that_cannot_be_loaded_is_named_with_what_to_do(name: str) -> None:
    content, said = CANNOT_SERVE[name]
    bucket = Bucket({} if content is None else {model_key(1): content})
    with pytest.raises(NoApprovedModel, match=said) as refusal:
        load_model(cast("Any", bucket), approved())
    sentence = str(refusal.value)
    assert sentence.startswith(f"The approved model {arn(1)} cannot be used (")
    assert sentence.endswith("or go back (`python -m runs approve --previous`).")
    assert "\n" not in sentence


@pytest.mark.parametrize("registered", ["", "https://bucket.s3.amazonaws.com/model.tar.gz", "s3://bucket"])
def test_a_package_that_names_nothing_in_s3_is_said_so(registered: str) -> None:
    """Whoever may register packages may approve one that is not the pipeline's."""
    s3 = boto3.client("s3", region_name="us-east-1")
    with pytest.raises(NoApprovedModel, match=r"model-package/floorplan-dino/1 cannot be used \(.* is not in S3\)"):
        load_model(s3, replace(approved(), model_uri=registered))


def test_an_archive_that_may_not_be_read_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied."}}, "GetObject")

    bucket = Bucket()
    monkeypatch.setattr(bucket, "get_object", refuse)
    said = r"\(s3://bucket/training-jobs/job-1/output/model.tar.gz cannot be read: Access Denied\): approve another one"
    with pytest.raises(NoApprovedModel, match=said):
        load_model(cast("Any", bucket), approved())
