"""What the last epochs cost and brought, by the trainer's evaluations, which may be anything."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline.job.evaluated_epochs import EvaluatedEpoch, cost_of_last_epochs, read_evaluations
from pipeline.request import MAX_EPOCHS


def evaluated(f1_by_epoch: Mapping[int, float]) -> tuple[EvaluatedEpoch, ...]:
    """After epochs of 15 minutes each."""
    return tuple(EvaluatedEpoch(epoch=epoch, seconds=900 * epoch, mean_f1=f1) for epoch, f1 in f1_by_epoch.items())


@pytest.mark.parametrize(
    ("f1_by_epoch", "told"),
    [
        ({}, None),
        ({1: 0.5}, None),
        ({1: 0.5, 2: 0.6}, "the last epoch cost 0.50 USD and brought +10.0 points of F1 (best 0.600 at epoch 2)"),
        ({1: 0.5, 2: 0.4}, "the last epoch cost 0.50 USD and brought +0.0 points of F1 (best 0.500 at epoch 1)"),
        (
            {22: 0.9, 27: 0.908, 32: 0.912},
            "the last 5 epochs cost 2.50 USD and brought +0.4 points of F1 (best 0.912 at epoch 32)",
        ),
        (
            {3: 0.9, 6: 0.908, 9: 0.9},
            "the last 6 epochs cost 3.00 USD and brought +0.8 points of F1 (best 0.908 at epoch 6)",
        ),
        (
            dict.fromkeys(range(1, 41), 0.5),
            "the last 5 epochs cost 2.50 USD and brought +0.0 points of F1 (best 0.500 at epoch 1)",
        ),
    ],
)
def test_the_last_epochs_are_told_with_their_cost_and_gain(f1_by_epoch: dict[int, float], told: str | None) -> None:
    assert cost_of_last_epochs(evaluated(f1_by_epoch), usd_per_hour=2.0) == told


EVALUATION = {"epoch": 1, "step": 3, "seconds": 2.5, "mean_f1": 0.5}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"evaluations": 1}',
        b'{"evaluations": {"1": 2}}',
        *(
            json.dumps({"evaluations": [EVALUATION | wrong]}).encode()
            for wrong in (
                {"epoch": 0},
                {"epoch": MAX_EPOCHS + 1},
                {"epoch": "x"},
                {"epoch": float("inf")},
                {"seconds": -1},
                {"seconds": float("nan")},
                {"seconds": 1e300},
                {"mean_f1": 1.1},
                {"mean_f1": float("nan")},
                {"mean_f1": None},
            )
        ),
        json.dumps({"evaluations": [EVALUATION, EVALUATION]}).encode(),
        json.dumps({"evaluations": [EVALUATION, EVALUATION | {"epoch": 2, "seconds": 1}]}).encode(),
    ],
)
def test_evaluations_that_are_none_are_passed_over(content: bytes) -> None:
    assert read_evaluations(content) == ()


@given(st.lists(st.fixed_dictionaries({key: st.integers(0, 3) | st.floats() for key in EVALUATION}), max_size=3))
def test_whatever_is_read_can_be_told(evaluations: list[dict[str, Any]]) -> None:
    told = cost_of_last_epochs(read_evaluations(json.dumps({"evaluations": evaluations}).encode()), 1.5)
    assert told is None or (told.isprintable() and len(told) < 150)
