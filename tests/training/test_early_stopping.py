"""A training whose F1 no longer rises drops its learning rate early, and ends; so does one that was interrupted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import Any

import pytest

from tests.training.scripted_evaluation import Scripted, ScriptedEvaluation
from tests.training.training_jobs import SMALL, TWO_PROCESS_JOB, Job
from training_code import train
from training_code.config import TRAINING_RANGES, TrainingConfig
from training_code.config_checks import ConfigError
from training_code.loop.early_stopping import LEAST_GAIN, Ending, ending_of

RISING = [index / 20 for index in range(1, 13)]
LEVEL = [0.5] * 12


def ending_by(f1: Sequence[float], *, every: int = 1, **settings: Any) -> Ending:
    """Of a training with 12 epochs and these evaluations, of which none is made after its end."""
    config = TrainingConfig(**{"epochs": 12, "patience": 3, "evaluation_epochs": every} | settings)
    evaluations: list[dict[str, Any]] = []
    for index, value in enumerate(f1):
        ending = ending_of(evaluations, config)
        if evaluations and evaluations[-1]["epoch"] >= ending.last_epoch:
            break
        evaluations.append({"epoch": min((index + 1) * every, ending.last_epoch), "mean_f1": value})
    return ending_of(evaluations, config)


@pytest.mark.parametrize(
    ("f1", "settings", "drop", "last"),
    [
        (LEVEL, {"patience": None}, None, 12),
        (RISING, {}, None, 12),
        (RISING, {"patience": 1}, None, 12),
        # The paper's schedule has one of twelve epochs after its drop, at 8 of 12 it has four.
        (LEVEL, {}, 4, 5),
        (LEVEL, {"lr_drop_epoch": 8}, 4, 7),
        ([0.1, 0.2, 0.3, *LEVEL], {}, 7, 8),
        ([0.1, 0.6, *LEVEL], {}, 5, 6),
        # After the drop, patience counts again, but no longer than the schedule foresees.
        (LEVEL, {"lr_drop_epoch": 7, "patience": 2}, 3, 5),
        ([*LEVEL[:4], 0.6, *LEVEL], {"lr_drop_epoch": 7, "patience": 2}, 3, 7),
        (LEVEL[:3] + RISING[11:] + [0.7, 0.8, 0.9, 0.9], {"lr_drop_epoch": 7, "patience": 2}, 3, 8),
        # The schedule's own drop is a new chance as well.
        (RISING[:9] + LEVEL[:1] * 3, {"patience": 2}, None, 12),
        (RISING[:6] + [0.2] * 6, {"lr_drop_epoch": 7, "patience": 3}, None, 10),
        (RISING[:6] + [0.2] * 6, {"lr_drop_epoch": 9, "patience": 3}, None, 12),
        # A schedule that never drops just ends.
        (LEVEL, {"lr_drop_epoch": 12}, None, 4),
        # A gain of less than a tenth of a point is none, but several of them together are one.
        ([0.5 + index * LEAST_GAIN / 20 for index in range(12)], {}, 4, 5),
        ([0.5 + index * LEAST_GAIN * 0.6 for index in range(12)], {}, None, 12),
        # Epochs count, not evaluations.
        (LEVEL, {"every": 2}, 6, 7),
        (LEVEL, {"every": 5}, 10, 11),
        (LEVEL, {"patience": 50}, None, 12),
        ([0.5], {"epochs": 1, "patience": 1}, None, 1),
        ([0.5, 0.5], {"epochs": 2, "patience": 1}, None, 2),
    ],
)
def test_where_f1_no_longer_rises_the_drop_comes_early_and_then_the_end(
    f1: Sequence[float], settings: dict[str, Any], drop: int | None, last: int
) -> None:
    ending = ending_by(f1, **settings)
    assert (ending.early_drop_epoch, ending.last_epoch) == (drop, last)


def test_each_decision_is_told_with_its_reason() -> None:
    steps = [ending_by(LEVEL[:count], lr_drop_epoch=7, patience=3).sentence for count in (3, 4, 5, 7)]
    assert steps[:1] + steps[2:3] == ["", steps[1]]
    assert steps[1] == (
        "No better F1 on the validation split for 3 epochs (it was 0.5000 after epoch 1): the learning rate drops after"
        " epoch 4 instead of 7, and training ends after epoch 9 at the latest."
    )
    assert steps[3] == (
        "Stopped after epoch 7 of 12: no better F1 on the validation split for 3 epochs (it was 0.5000 after epoch 1)."
    )
    assert ending_by(LEVEL).sentence == (
        "Stopped after epoch 5 of 12: the learning rate had dropped after epoch 4 instead of 11."
    )


def test_a_cosine_that_would_end_at_a_high_rate_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"patience needs the schedule step.*with cosine, set patience to null"):
        TrainingConfig(schedule="cosine", patience=8)
    assert TRAINING_RANGES["patience"][0] == 1


CURVE = [0.1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
SETTINGS = {**SMALL, "epochs": "9", "lr_drop_epoch": "6", "patience": "2"}


def metrics_of(job: Job) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((job.model / "metrics.json").read_text())
    return content


def test_a_training_that_gains_nothing_ends_early_at_a_low_rate(
    run_here: Job, scripted: Scripted, capfd: pytest.CaptureFixture[str]
) -> None:
    evaluation = scripted(ScriptedEvaluation(CURVE, CURVE))
    run_here.configure(**SETTINGS)
    assert train.main() == 0
    assert [int(row["epoch"]) for row in run_here.losses()] == [epoch for epoch in range(1, 7) for _ in range(3)]
    rates = [row["lr"] for row in run_here.losses()]
    assert rates == pytest.approx([7e-4] * 12 + [7e-5] * 6)
    assert evaluation.measured == [*(f"val{epoch}" for epoch in range(1, 7)), "test"]
    metrics = metrics_of(run_here)
    assert (metrics["epochs_trained"], metrics["stopped_early"]) == (6, True)
    log = capfd.readouterr().out
    assert "the learning rate drops after epoch 4 instead of 6, and training ends after epoch 7 at the latest." in log
    assert "Stopped after epoch 6 of 9: no better F1 on the validation split for 2 epochs" in log
    assert "[train] step=12/27 " in log
    assert "[train] step=13/21 " in log


def test_a_rate_that_teaches_nothing_ends_the_training(run_here: Job) -> None:
    """By the evaluations that are really made."""
    run_here.configure(**SETTINGS | {"learning_rate": "1e-30", "backbone_learning_rate": "0", "weight_decay": "0"})
    assert train.main() == 0
    metrics = metrics_of(run_here)
    assert metrics["epochs_trained"] == 5
    assert [each["epoch"] for each in metrics["evaluations"]] == [1, 2, 3, 4, 5]
    assert len({each["mean_f1"] for each in metrics["evaluations"]}) == 1


def test_without_patience_all_epochs_are_trained(run_here: Job, scripted: Scripted) -> None:
    scripted(ScriptedEvaluation(CURVE, CURVE))
    run_here.configure(**SETTINGS | {"epochs": "4", "lr_drop_epoch": "4", "patience": "none"})
    assert train.main() == 0
    assert (metrics_of(run_here)["epochs_trained"], metrics_of(run_here)["stopped_early"]) == (4, False)


def test_an_interrupted_training_takes_the_same_decisions(run_here: Job, scripted: Scripted) -> None:
    """Before the drop, at it, after it, and when it has ended but for its test split."""
    run_here.configure(**SETTINGS)
    scripted(ScriptedEvaluation(CURVE, CURVE))
    assert train.main() == 0
    losses, model = run_here.losses(), (run_here.model / "model.safetensors").read_bytes()
    for folder in ("model", "checkpoints", "output"):
        shutil.rmtree(run_here.base / folder)
    scripted(ScriptedEvaluation(CURVE, CURVE, stop_in={"val3", "val4", "val5", "val6", "test"}))
    for _ in range(5):
        assert train.main() == 0
        assert not (run_here.model / "config.json").exists()
    assert train.main() == 0
    assert run_here.losses() == losses
    assert (run_here.model / "model.safetensors").read_bytes() == model
    assert metrics_of(run_here)["epochs_trained"] == 6


def test_the_evaluations_that_patience_counts_may_not_change_on_the_way(run_here: Job, scripted: Scripted) -> None:
    scripted(ScriptedEvaluation(CURVE, CURVE, stop_in={"val2"}))
    run_here.configure(**SETTINGS)
    assert train.main() == 0
    run_here.configure(**SETTINGS | {"evaluation_epochs": "2"})
    assert train.main() == 1
    assert "were made with evaluation_epochs = 1, but this job has 2" in run_here.failure


def test_the_evaluations_can_be_seen_while_the_job_runs(run_here: Job, scripted: Scripted) -> None:
    scripted(ScriptedEvaluation(CURVE, CURVE, stop_in={"val3"}))
    run_here.configure(**SETTINGS)
    assert train.main() == 0
    seen = json.loads((run_here.base / "checkpoints" / "metrics.json").read_text())["evaluations"]
    assert [(each["epoch"], each["mean_f1"]) for each in seen] == [(1, 0.1), (2, 0.5)]
    assert 0 < seen[0]["seconds"] < seen[1]["seconds"]
    assert train.main() == 0
    kept = metrics_of(run_here)["evaluations"]
    assert kept[:2] == seen
    assert [each["seconds"] for each in kept] == sorted(each["seconds"] for each in kept)


def test_all_processes_of_a_job_end_together(run_here: Job) -> None:
    """Only the first one measures; the others would wait for it until they are killed."""
    rates = {"learning_rate": "1e-30", "backbone_learning_rate": "0", "weight_decay": "0"}
    run_here.configure(**SETTINGS | rates)
    ended = run_here.run_two(TWO_PROCESS_JOB, "2")
    assert [status for status, _ in ended] == [0, 0], ended
    assert ["Stopped after epoch 5 of 9" in log for _, log in ended] == [True, False]
    assert metrics_of(run_here)["epochs_trained"] == 5
