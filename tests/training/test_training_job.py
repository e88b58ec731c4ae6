"""A training job does what SageMaker and its user expect, from the data set to the model."""

import io
import itertools
import json
import multiprocessing
import random
import re
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from dataset_contract.coco import Category
from prediction.model_folder import read_settings
from tests.training.training_jobs import IMAGES, SMALL, Job, put_baseline, write_dataset
from tests.without_checkout import run_without_checkout
from training_code import train
from training_code.job.metric_lines import METRIC_DEFINITIONS, VALIDATION_FIGURES
from training_code.loop import health_file, metric_window

SEED = 0
"""Draws the steps of the nine at which jobs are interrupted; another seed, other steps (the tests' names show them)."""
TERM_STEP, KILL_STEP = random.Random(SEED).sample(range(1, 8), 2)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, dataset: Path) -> tuple[Job, int, str]:
    """A job that was never interrupted: three epochs of three steps, and two baselines, one of other images."""
    job = Job(tmp_path_factory.mktemp("finished"))
    job.dataset.parent.mkdir(parents=True)
    job.dataset.symlink_to(dataset)
    put_baseline(job, "yolo", IMAGES["test"])
    put_baseline(job, "other", [1234])
    job.configure(**SMALL, epochs="3", ema_decay="0.9")
    return job, *job.run_cold(AWS_SECRET_ACCESS_KEY="not-for-the-log")  # noqa: S106  what the log must not show


def test_a_job_ends_well_and_leaves_a_model(finished: tuple[Job, int, str]) -> None:
    job, status, log = finished
    assert status == 0, log
    assert not (job.base / "output" / "failure").exists()
    config = json.loads((job.model / "config.json").read_text())
    manifest = json.loads((job.dataset / "manifest.json").read_text())
    assert [(each["id"], each["name"]) for each in config["classes"]] == [(1, "wall"), (2, "room")]
    assert (config["recipe"], config["steps"]) == ("tiny", 9)
    assert config["dataset_version"] == manifest["version"]
    metrics = json.loads((job.model / "metrics.json").read_text())
    assert set(metrics["classes"]) == {"wall", "room"}
    assert [evaluation["epoch"] for evaluation in metrics["evaluations"]] == [1, 2, 3]
    assert [row["step"] for row in job.losses()] == list(range(1, 10))
    healths = [(folder / "health.json").read_bytes() for folder in (job.model, job.base / "checkpoints")]
    assert json.loads(healths[0])["checks"]["no_error"]["passed"]
    assert healths[0] == healths[1]


def test_the_model_is_compared_with_the_baselines_by_the_figures_of_its_metrics(finished: tuple[Job, int, str]) -> None:
    job, _, log = finished
    compared = json.loads((job.model / "comparison.json").read_text())
    assert "is about other images" in compared["not_compared"]["other"]
    rows = compared["baselines"]["yolo"]["differences"]
    values = {(each["class"], each["figure"]): each for each in rows if each["rule"] == "coco"}
    test = json.loads((job.model / "metrics.json").read_text())["test"]
    for name, figures in test["classes"].items():
        for figure in ("f1", "ap", "ap50", "ap75"):
            assert values[name, figure]["a_value"] == pytest.approx(figures[figure], abs=1e-5), (name, figure)
        assert values[name, "f1"]["b_value"] == 1
        assert values[name, "f1"]["sentence"] in log
    assert "warning: other is not compared: predictions.json is about other images" in log


def test_cloudwatch_finds_every_figure_in_the_log(finished: tuple[Job, int, str]) -> None:
    _, _, log = finished
    for definition in METRIC_DEFINITIONS:
        values = [found for line in log.splitlines() for found in re.findall(definition["Regex"], line)]
        assert len(values) == {"train": 9, "validation": 3, "test": 1}[definition["Name"].split(":")[0]], definition
        assert all(float(value) >= 0 for value in values)


def test_tensorboard_shows_the_figures_of_the_log(finished: tuple[Job, int, str]) -> None:
    job, _, log = finished
    scalars = job.scalars()
    for definition in METRIC_DEFINITIONS:
        values = [float(found) for line in log.splitlines() for found in re.findall(definition["Regex"], line)]
        shown = scalars.pop(definition["Name"].replace(":", "/"))
        best = json.loads((job.model / "metrics.json").read_text())["step"]
        assert sorted(shown) == {9: list(range(1, 10)), 3: [3, 6, 9], 1: [best]}[len(values)]
        assert [shown[step] for step in sorted(shown)] == pytest.approx(values, rel=1e-4)  # the log rounds
    assert not scalars


def test_each_evaluation_leaves_what_can_be_seen_at_once(finished: tuple[Job, int, str]) -> None:
    job, _, _ = finished
    pictures = job.pictures()
    assert sorted(pictures) == [f"epoch-{n:04d}/{plan:06d}.png" for n in (1, 2, 3) for plan in IMAGES["val"]]
    for content in pictures.values():
        with Image.open(io.BytesIO(content)) as picture:
            picture.load()
            assert max(picture.size) <= 1000
    assert job.pictures_in_tensorboard() == {
        (f"validation/plan {plan:06d}", 3 * n): pictures[f"epoch-{n:04d}/{plan:06d}.png"]
        for n in (1, 2, 3)
        for plan in IMAGES["val"]
    }
    checkpoints = job.base / "checkpoints"
    assert len(list((checkpoints / "tensorboard").iterdir())) == 4  # one ends with each evaluation
    assert (checkpoints / "history.jsonl").read_bytes() == (job.model / "history.jsonl").read_bytes()
    shown, shipped = (json.loads((folder / "metrics.json").read_text()) for folder in (checkpoints, job.model))
    assert (shown["evaluations"], shown["epoch"]) == (shipped["evaluations"], shipped["epoch"])


def test_each_evaluation_tells_of_each_class(finished: tuple[Job, int, str]) -> None:
    job, _, log = finished
    lines = [line for line in log.splitlines() if line.startswith("[class] ")]
    assert [line.split(":")[0] for line in lines] == [
        f"[class] step={step} {name}" for step in (3, 6, 9) for name in ("wall", "room")
    ]
    metrics = json.loads((job.model / "metrics.json").read_text())
    [room] = [line for line in lines if line.startswith(f"[class] step={metrics['step']} room:")]
    assert f"ap={metrics['classes']['room']['ap']:.5g} " in room
    of_test = [line for line in log.splitlines() if line.startswith("[test class] ")]
    assert [line.split(":")[0] for line in of_test] == [
        f"[test class] step={metrics['step']} {name}" for name in ("wall", "room")
    ]


def test_the_log_shows_nothing_of_the_environment(finished: tuple[Job, int, str]) -> None:
    assert "not-for-the-log" not in finished[2]


def test_the_model_predicts_with_the_code_that_travels_with_it(finished: tuple[Job, int, str]) -> None:
    model = finished[0].model
    program = (
        "import sys; from pathlib import Path; from PIL import Image; from prediction import load;"
        "found = load(Path(sys.argv[1])).predict(Image.new('L', (300, 200), 255), threshold=0);"
        "assert found and all(d.label in {'wall', 'room'} and 0 <= d.score <= 1 for d in found);"
        "assert all(0 <= d.box[0] <= d.box[2] <= 300 and 0 <= d.box[1] <= d.box[3] <= 200 for d in found);"
        "assert [d.score for d in found] == sorted((d.score for d in found), reverse=True)"
    )
    done = run_without_checkout(program, str(model), folders=[model / "code"], cwd=model)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_exported_model_predicts_without_torch(finished: tuple[Job, int, str]) -> None:
    """As in a Lambda: with onnxruntime, NumPy and Pillow, and the code that travels with the model."""
    job, _, log = finished
    assert "model.onnx finds on 2 validation plans what PyTorch finds" in log
    program = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'safetensors', 'openvino', 'onnx')));"
        "from PIL import Image; from prediction import load; predictor = load(sys.argv[1]);"
        "assert predictor.backend.name == 'onnx';"
        "found = predictor.predict(Image.new('L', (300, 200), 255), threshold=0);"
        "assert found and all(d.label in {'wall', 'room'} and 0 <= d.score <= 1 for d in found)"
    )
    done = run_without_checkout(program, str(job.model), folders=[job.model / "code"], cwd=job.model)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_data_set_says_how_many_classes_the_model_has(run_here: Job) -> None:
    rooms = [Category(2, "bath"), Category(3, "bedroom"), Category(4, "kitchen")]
    write_dataset(run_here.dataset, rooms=rooms)
    run_here.configure(**SMALL, epochs="1")
    assert train.main() == 0
    settings = read_settings(run_here.model)
    assert settings.classes == {1: "wall", 2: "bath", 3: "bedroom", 4: "kitchen"}
    assert settings.config.num_classes == 5  # ids 1 to 4, and the unused 0
    assert set(json.loads((run_here.model / "metrics.json").read_text())["classes"]) == set(settings.classes.values())


@pytest.mark.parametrize(("how", "after_step"), [(signal.SIGTERM, TERM_STEP), (signal.SIGKILL, KILL_STEP)])
def test_an_interrupted_job_learns_what_an_uninterrupted_one_does(
    finished: tuple[Job, int, str],
    run_here: Job,
    how: signal.Signals,
    after_step: int,
    capfd: pytest.CaptureFixture[str],
) -> None:
    job = run_here
    job.configure(**SMALL, epochs="3", ema_decay="0.9", workers="2")  # the other one has none
    process = job.start()
    assert process.stdout is not None
    for line in process.stdout:
        if f"step={after_step}/" in line:
            process.send_signal(how)
    assert process.wait(60) == (0 if how is signal.SIGTERM else -signal.SIGKILL)
    assert not (job.model / "model.safetensors").exists()
    assert train.main() == 0  # here, which spares another start of Python
    if how is signal.SIGTERM or after_step > 3:  # the first epoch's checkpoint is the first to outlive SIGKILL
        assert "Going on from the checkpoint after step" in capfd.readouterr().out
    assert job.losses() == finished[0].losses()
    scalars, others = job.scalars(), finished[0].scalars()
    assert all(scalars[f"train/{name}"] == others[f"train/{name}"] for name in ("loss", "lr", "grad_norm"))
    assert all(scalars[f"validation/{name}"] == others[f"validation/{name}"] for name in VALIDATION_FIGURES)
    assert job.pictures() == finished[0].pictures()
    weights = [(folder / "model.safetensors").read_bytes() for folder in (job.model, finished[0].model)]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(("end", "status"), [("done", 0), ("stopped", 0), ("failed", 1)])
def test_no_worker_outlives_its_job(
    run_here: Job, monkeypatch: pytest.MonkeyPatch, end: str, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    run_here.configure(**SMALL, epochs="2", workers="2", **({"learning_rate": "1e30"} if end == "failed" else {}))
    if end == "stopped":
        monkeypatch.setattr(
            health_file.HealthFile, "write_once_judgeable", lambda _: signal.raise_signal(signal.SIGTERM)
        )
    others = multiprocessing.active_children()
    assert train.main() == status
    assert ("Asked to stop" in capfd.readouterr().out) is (end == "stopped")
    assert multiprocessing.active_children() == others


def test_health_is_judged_while_the_job_runs_and_again_at_its_end(
    job: Job, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], kept_sigterm: None
) -> None:
    job.configure(**SMALL, epochs="1")
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(job.base))
    monkeypatch.setattr(health_file, "JUDGED_STEPS", 2)
    assert train.main() == 0
    words = [line.split()[:2] for line in capfd.readouterr().out.splitlines()]
    kinds = [" ".join(pair) for pair in words if pair and pair[0] in {"[train]", "Health:"}]
    health = [index for index, kind in enumerate(kinds) if kind.startswith("Health:")]
    assert health == [2, 4]  # after the second step of three, and at the end
    assert json.loads((job.model / "health.json").read_text())["steps"] == 3


def test_a_checkpoint_of_another_configuration_is_refused(
    job: Job, finished: tuple[Job, int, str], monkeypatch: pytest.MonkeyPatch, kept_sigterm: None
) -> None:
    (job.base / "checkpoints").symlink_to(finished[0].base / "checkpoints")
    job.configure(**SMALL, epochs="4", ema_decay="0.9")
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(job.base))
    assert train.main() == 1
    assert job.failure.startswith("CONFIG: The checkpoints in ")
    assert "epochs = 3, but this job has 4" in job.failure


def test_training_starts_from_the_weights_in_the_channel_pretrained(
    job: Job,
    finished: tuple[Job, int, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    kept_sigterm: None,
) -> None:
    channel = job.base / "input" / "data" / "pretrained"
    channel.mkdir()
    (channel / "model.safetensors").symlink_to(finished[0].model / "model.safetensors")
    job.configure(**SMALL, epochs="1")
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(job.base))
    assert train.main() == 0
    assert "tensors taken as they are" in capfd.readouterr().out
    assert job.losses()[0]["loss"] < finished[0].losses()[0]["loss"]


def test_slow_steps_are_told_of_before_silence_looks_like_a_stall(
    run_here: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_here.configure(**{**SMALL, "log_steps": "1000000"}, epochs="1")
    monkeypatch.setattr(metric_window, "LONGEST_SECONDS", 0)
    assert train.main() == 0
    assert capsys.readouterr().out.count("[train] ") == 3


def test_short_epochs_without_a_line_of_their_own_are_told_of_too(
    run_here: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = {"batch_size": "6", "log_steps": "1000000", "evaluation_epochs": "9", "checkpoint_epochs": "9"}
    run_here.configure(**{**SMALL, **quiet}, epochs="3")  # of one step each
    later = itertools.count(step=200).__next__  # seconds
    monkeypatch.setattr(metric_window, "time", SimpleNamespace(monotonic=later))
    assert train.main() == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[train] ")]
    assert [line.split()[1] for line in lines] == ["step=2/3", "step=3/3"]
