"""The epoch that validates best is shipped, whatever comes after it; the test split is measured once, at the end."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.training.scripted_evaluation import Scripted, ScriptedEvaluation
from tests.training.training_jobs import IMAGES, SMALL, Job, write_dataset
from training_code import train
from training_code.job.checkpoints import load_newest_checkpoint
from training_code.loop.best_epoch import mean_f1


def metrics_of(job: Job) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((job.model / "metrics.json").read_text())
    return content


def is_model(job: Job, weights: dict[str, Tensor]) -> bool:
    shipped = load_file(job.model / "model.safetensors")
    return shipped.keys() == weights.keys() and all(shipped[name].equal(weights[name]) for name in weights)


@pytest.mark.parametrize(
    ("gate_classes", "best"), [("[]", 1), ('["room"]', 2), ('["door", "room"]', 2), ('["wall"]', 1)]
)
def test_the_epoch_with_the_best_f1_of_the_gates_classes_is_shipped(
    run_here: Job, scripted: Scripted, gate_classes: str, best: int
) -> None:
    evaluation = scripted(ScriptedEvaluation(wall=[0.9, 0.1, 0.2], room=[0.1, 0.5, 0.3]))
    run_here.configure(**SMALL, epochs="3", gate_classes=gate_classes)
    assert train.main() == 0
    metrics = metrics_of(run_here)
    assert metrics["epoch"] == best
    assert [each["epoch"] for each in metrics["evaluations"]] == [1, 2, 3]
    assert metrics["mean_f1"] == max(each["mean_f1"] for each in metrics["evaluations"])
    assert [is_model(run_here, evaluation.weights[epoch]) for epoch in (1, 2, 3)] == [
        epoch == best for epoch in (1, 2, 3)
    ]
    assert evaluation.measured == ["val1", "val2", "val3", "test"]


def test_of_equal_epochs_the_last_is_shipped(run_here: Job, scripted: Scripted) -> None:
    scripted(ScriptedEvaluation(wall=[0.0] * 3, room=[0.0] * 3))
    run_here.configure(**SMALL, epochs="3")
    assert train.main() == 0
    evaluations = metrics_of(run_here)["evaluations"]
    highest = max(each["ap"] for each in evaluations)
    assert metrics_of(run_here)["epoch"] == [each["epoch"] for each in evaluations if each["ap"] == highest][-1]


@pytest.mark.parametrize("stop_in", ["val4", "val5", "test"])
def test_the_best_epoch_outlives_its_checkpoint_and_an_interruption(
    run_here: Job, scripted: Scripted, stop_in: str
) -> None:
    f1 = [0.6, 0.1, 0.2, 0.3, 0.2]
    evaluation = scripted(ScriptedEvaluation(f1, f1, stop_in={stop_in}))
    run_here.configure(**SMALL, epochs="5")
    assert train.main() == 0
    assert not run_here.model.joinpath("config.json").exists()
    state = load_newest_checkpoint(run_here.base / "checkpoints", print)
    assert state is not None and state["step"] > 6  # the first epoch's own checkpoint is gone
    assert train.main() == 0
    assert is_model(run_here, evaluation.weights[1])
    metrics = metrics_of(run_here)
    assert (metrics["epoch"], metrics["step"], metrics["mean_f1"]) == (1, 3, pytest.approx(0.6))
    assert [each["mean_f1"] for each in metrics["evaluations"]] == pytest.approx(f1)
    assert evaluation.measured == [*(f"val{epoch}" for epoch in range(1, 6)), "test"]
    assert len(run_here.losses()) == 15


def test_an_interruption_while_the_best_epoch_is_measured_leaves_the_last_ones_checkpoint(
    run_here: Job, scripted: Scripted
) -> None:
    f1 = [0.6, 0.1]
    evaluation = scripted(ScriptedEvaluation(f1, f1, stop_in={"test"}))
    run_here.configure(**SMALL, epochs="2")
    assert train.main() == 0
    state = load_newest_checkpoint(run_here.base / "checkpoints", print)
    assert state is not None
    assert all(torch.equal(state["model"][name], value) for name, value in evaluation.weights[2].items())


def test_the_last_epoch_is_evaluated_and_saved_whatever_the_intervals(run_here: Job, scripted: Scripted) -> None:
    """The checkpoint comes before its evaluation, so that an interruption there costs no step; none comes after it."""
    evaluation = scripted(ScriptedEvaluation([0.1, 0.2], [0.1, 0.2]))
    run_here.configure(**SMALL | {"evaluation_epochs": "2", "checkpoint_epochs": "2"}, epochs="3")
    assert train.main() == 0
    assert [each["epoch"] for each in metrics_of(run_here)["evaluations"]] == [2, 3]
    assert evaluation.measured == ["val1", "val2", "test"]
    newest, *_ = names = sorted((path.name for path in (run_here.base / "checkpoints").glob("*.pt")), reverse=True)
    assert [int(name.split("-")[1]) for name in names] == [9, 6]
    state = torch.load(run_here.base / "checkpoints" / newest, weights_only=True)
    assert [each["epoch"] for each in json.loads(state["evaluations"])] == [2]


def test_the_test_split_is_measured_with_the_thresholds_of_validation(run_here: Job) -> None:
    run_here.configure(**SMALL, epochs="1")
    assert train.main() == 0
    metrics = metrics_of(run_here)
    test = metrics["test"]
    assert (test["images"], test["boxes"]) == (1, 3)
    assert test["f1_threshold"] == metrics["f1_threshold"] > 0
    config = json.loads((run_here.model / "config.json").read_text())
    for each in config["classes"]:
        thresholds = [of["classes"][each["name"]]["f1_threshold"] for of in (metrics, test)]
        assert thresholds == [each["threshold"]] * 2
    assert config["epoch"] == 1


def test_without_a_test_split_there_are_no_figures_of_it(run_here: Job, capfd: pytest.CaptureFixture[str]) -> None:
    (run_here.dataset / "test" / "images" / "000009.png").unlink()
    write_dataset(run_here.dataset, images=IMAGES | {"test": ()})
    run_here.configure(**SMALL, epochs="1")
    assert train.main() == 0
    assert metrics_of(run_here)["test"] is None
    assert "[test]" not in capfd.readouterr().out


def test_the_mean_f1_is_that_of_the_classes_asked_for_that_have_boxes() -> None:
    metrics = {"classes": {"wall": {"f1": 0.2}, "room": {"f1": 0.6}, "door": {"f1": None}}}
    assert mean_f1(metrics, ["room"]) == pytest.approx(0.6)
    assert mean_f1(metrics, ["door", "wall"]) == pytest.approx(0.2)
    assert mean_f1(metrics, ["door"]) == mean_f1(metrics, []) == pytest.approx(0.4)
    assert mean_f1({"classes": {"door": {"f1": None}}}, []) == 0
