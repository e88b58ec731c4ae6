"""`python -m runs compare`: which models are compared, on which plans, and what is refused."""

from __future__ import annotations

import io
import json
import signal
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path

import boto3
import pytest

from dataset_prep import run as preparation
from dataset_prep.samples import write_samples
from runs import __main__ as command
from runs.errors import RunsError
from runs.model_choice import choose_models, tells_thresholds
from tests.archive_reader.hostile_archives import member, packed
from tests.prediction.test_model_folder import write_model
from tests.runs.cloud_in_memory import BUCKET, MACHINE, Cloud, Execution

PREFIX = "dino-data"
PACKAGES = "arn:aws:sagemaker:us-east-1:123456789012:model-package/floorplan-dino"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of sample plans, with two of them in its test split."""
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder / "plans", 8, seed=3)
    arguments = ["--source", str(folder / "plans"), "--output", str(folder / "data"), "--split", "0.5,0.25,0.25"]
    assert preparation.main(arguments) == 0
    return folder / "data"


def version(data: Path) -> str:
    return str(json.loads((data / "manifest.json").read_text())["version"])


def write_tiny(folder: Path, *, dataset_version: str = "", threshold: float = 0.0625) -> Path:
    """A tiny model that knows both classes, as a training job writes it."""
    classes = [{"id": number, "name": name, "threshold": threshold} for number, name in ((1, "wall"), (2, "room"))]
    folder.mkdir(parents=True, exist_ok=True)
    write_model(folder, classes=classes, dataset_version=dataset_version)
    return folder


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return archive_of(write_tiny(tmp_path_factory.mktemp("model")))


def archive_of(model: Path) -> bytes:
    return packed(*[member(path.name, path.read_bytes()) for path in model.iterdir()])


def run(name: str, *, dataset_version: str = "", package: bool = True, model: bool = True) -> Execution:
    """A run that succeeded."""
    outcome = {
        "decision": "registered" if package else "gate_not_met",
        **({"artifact_uri": f"s3://{BUCKET}/training-jobs/{name}/output/model.tar.gz"} if model else {}),
        **({"model_package_arn": f"{PACKAGES}/{name}"} if package else {}),
    }
    state = {"request": {"dataset_prefix": PREFIX}, "dataset": {"version": dataset_version}, "outcome": outcome}
    return Execution(name, [("Succeeded", state)])


def cloud_of(*runs: Execution, **approvals: str) -> Cloud:
    """AWS with these runs, the newest first, whose models are pending approval unless said otherwise."""
    cloud = Cloud(*runs)
    cloud.approvals = {f"{PACKAGES}/{each.name}": approvals.get(each.name, "PendingManualApproval") for each in runs}
    return cloud


def chosen(cloud: Cloud, *names: str) -> list[str]:
    return [model.name for model in choose_models(cloud.client("states"), cloud.client("sagemaker"), MACHINE, names)]


def test_the_newest_registered_model_is_compared_with_the_approved_one() -> None:
    cloud = cloud_of(run("bad", package=False), run("d"), run("c"), run("b"), run("a"), b="Approved", a="Approved")
    assert chosen(cloud) == ["d", "b"]
    assert chosen(cloud, "c") == ["c", "b"]
    assert chosen(cloud, "b") == ["b", "a"]
    assert chosen(cloud, "bad") == ["bad", "b"]
    assert chosen(cloud, "a", "c", "bad") == ["a", "c", "bad"]


def test_where_none_is_approved_the_other_is_the_one_registered_before() -> None:
    cloud = cloud_of(run("d"), run("c"), run("b"), run("a"), c="Rejected")
    del cloud.approvals[f"{PACKAGES}/b"]  # somebody deleted the package
    assert chosen(cloud) == ["d", "a"]
    assert chosen(cloud, "a") == ["a", "d"]


def test_a_fetched_model_is_named_by_its_folder(tmp_path: Path) -> None:
    write_tiny(tmp_path / "last-run" / "model", dataset_version="v1")
    cloud = cloud_of(run("a"))
    models = choose_models(cloud.client(""), cloud.client(""), MACHINE, [str(tmp_path / "last-run"), "a"])
    assert [(model.name, model.fetched is None) for model in models] == [("last-run", False), ("a", True)]
    assert models[0].dataset_version == "v1"


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["nobody", "a"], "There is no run nobody: `python -m runs` lists the last ones."),
        (["bad", "a"], "There is no model of bad: it is SUCCEEDED, gate_not_met. Name a run that has one"),
        (["a", "a"], "a is named twice"),
        (["a"], "There is no other registered model to compare a with"),
        ([], "There is no other registered model to compare a with"),
    ],
)
def test_what_cannot_be_chosen_is_said(names: list[str], sentence: str) -> None:
    with pytest.raises(RunsError, match=sentence):
        chosen(cloud_of(run("bad", package=False, model=False), run("a")), *names)


def test_without_a_registered_model_runs_must_be_named() -> None:
    with pytest.raises(RunsError, match="No run of the last ones has registered a model"):
        chosen(cloud_of(run("a", package=False)))


def test_thresholds_are_told_or_not() -> None:
    assert tells_thresholds({"classes": [{"threshold": 0.5}, {"threshold": 1}]})
    strange: list[object] = [None, [], [{"threshold": 0.5}, {"threshold": 0.0}], [{}], [{"threshold": "x"}], ["x"]]
    for classes in strange:
        assert not tells_thresholds({"classes": classes})


@pytest.fixture
def aws(samples: Path, archive: bytes, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """Two runs on the sample plans, which are in the bucket; the older one is approved."""
    held = version(samples)
    cloud = cloud_of(run("new", dataset_version=held), run("old", dataset_version=held), old="Approved")
    cloud.objects = {
        f"{PREFIX}/{path.relative_to(samples).as_posix()}": path.read_bytes()
        for path in samples.rglob("*")
        if path.is_file()
    }
    for name in ("new", "old"):
        cloud.objects[f"training-jobs/{name}/output/model.tar.gz"] = archive
    monkeypatch.setattr(boto3, "Session", lambda: cloud)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return cloud


def compare(to: Path, *arguments: str) -> int:
    return command.main(["compare", *arguments, "--to", str(to)])


def test_the_models_of_two_runs_are_compared_on_their_data_set(
    aws: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(tmp_path) == 0
    said = capsys.readouterr()
    assert "Comparing new with old." in said.err
    assert "new and old: no difference in rooms that 2 plans can show" in said.out
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert list(content["models"]) == ["new", "old"]
    assert content["models"]["new"] == content["models"]["old"]
    assert content["models"]["new"]["threshold_from"] == "model"
    assert "data:image" in (tmp_path / "report.html").read_text()
    images = {key for key in aws.objects_read if "/images/" in key}
    assert images == {key for key in aws.objects if key.startswith(f"{PREFIX}/test/images/")}, "no others are read"


def test_without_thresholds_the_validation_splits_images_are_read_too(aws: Cloud, tmp_path: Path) -> None:
    aws.objects["training-jobs/old/output/model.tar.gz"] = archive_of(write_tiny(tmp_path / "model", threshold=0.0))
    assert compare(tmp_path / "to", "--json") == 0
    models = json.loads((tmp_path / "to" / "metrics.json").read_text())["models"]
    assert {name: model["threshold_from"] for name, model in models.items()} == {"new": "model", "old": "validation"}


def other_version(cloud: Cloud) -> None:
    held = cloud.executions[0].states[0][1]["dataset"]["version"]
    cloud.executions[1] = run("old", dataset_version=held[::-1])


def test_a_model_that_was_trained_on_other_plans_is_refused_unless_a_data_set_is_named(
    aws: Cloud, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other_version(aws)
    assert compare(tmp_path / "to") == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"old was trained on another version of the data set than s3://{BUCKET}/{PREFIX}/ holds now")
    assert said.endswith("Name the data set to compare on with --data.")
    assert not (tmp_path / "to").exists()
    assert aws.objects_read == [f"{PREFIX}/manifest.json"], "nothing else is read before"
    assert compare(tmp_path / "to", "--data", str(samples)) == 0
    remark = json.loads((tmp_path / "to" / "metrics.json").read_text())["notes"][0]
    assert remark.startswith("old was trained on another version of the data set than this one")
    assert remark in capsys.readouterr().out
    assert remark in (tmp_path / "to" / "report.html").read_text()


MODEL_OF_OLD = "training-jobs/old/output/model.tar.gz"


@pytest.mark.parametrize(
    ("key", "content", "sentence"),
    [
        (
            f"{PREFIX}/manifest.json",
            None,
            f"There is no data set at s3://{BUCKET}/{PREFIX}/: name another with --data.",
        ),
        (
            f"{PREFIX}/manifest.json",
            b"{}",
            f"The data set at s3://{BUCKET}/{PREFIX}/ cannot be used: manifest.json has",
        ),
        (f"{PREFIX}/test/annotations.json", None, "test/annotations.json is not the file that the manifest names"),
        (f"{PREFIX}/val/annotations.json", b"{}", "val/annotations.json is not the file that the manifest names"),
        (MODEL_OF_OLD, None, f"{MODEL_OF_OLD} is no longer there: somebody deleted the model"),
        (MODEL_OF_OLD, b"x", f"{MODEL_OF_OLD} cannot be unpacked, so nothing of it is kept"),
        (MODEL_OF_OLD, {"config.json": b"[]"}, f"{MODEL_OF_OLD} is not an object: fetch the run again."),
        (MODEL_OF_OLD, {"config.json": b"{}"}, f"{MODEL_OF_OLD} does not hold a model that can be loaded"),
        (MODEL_OF_OLD, {"model.safetensors": b""}, f"{MODEL_OF_OLD} has no config.json that can be read"),
    ],
)
def test_what_is_missing_or_damaged_in_the_bucket_is_one_sentence(
    aws: Cloud, tmp_path: Path, *, key: str, content: bytes | dict[str, bytes] | None, sentence: str
) -> None:
    if content is None:
        del aws.objects[key]
    else:
        aws.objects[key] = (
            packed(*[member(*each) for each in content.items()]) if isinstance(content, dict) else content
        )
    with redirect_stderr(io.StringIO()) as said:
        assert compare(tmp_path / "to") == 1
    assert sentence in said.getvalue().splitlines()[-1]
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("arguments", [["--threshold=nobody=0.3"], ["--threshold=2"], ["--classes=door"]])
def test_wrong_usage_is_exit_status_2(aws: Cloud, samples: Path, tmp_path: Path, arguments: Sequence[str]) -> None:
    assert compare(tmp_path / "to", "--data", str(samples), *arguments) == 2


def test_a_folder_that_cannot_be_written_is_found_before_a_model_is_fetched(
    aws: Cloud, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert compare(tmp_path / "file") == 1
    assert "file cannot be written (Not a directory): name a folder" in capsys.readouterr().err.splitlines()[-1]
    assert aws.objects_read == [f"{PREFIX}/manifest.json"]


def test_fetched_models_need_the_data_sets_folder(
    aws: Cloud, samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        write_tiny(folder / "model", dataset_version=version(samples))
    names = list(map(str, folders))
    assert compare(tmp_path / "to", *names) == 1
    assert "Fetched models do not tell where their data set is" in capsys.readouterr().err
    assert compare(tmp_path / "to", *names, "--data", str(samples)) == 0
    assert "another version" not in capsys.readouterr().out
