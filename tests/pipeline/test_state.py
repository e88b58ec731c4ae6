"""What travels from state to state: it survives JSON, and what another deployment wrote is told apart."""

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipeline.dataset.validation import DatasetCheck
from pipeline.ending.execution_state import ExecutionState
from pipeline.errors import CaughtError, DeploymentChanged
from pipeline.execution import Execution
from pipeline.job.launched_job import Attempt, LaunchedJob
from pipeline.quote.cost_quote import Quote
from pipeline.state import from_state, hints, to_state, without_none

from tests.pipeline.conftest import context

PARTS = {name: without_none(hint) for name, hint in hints(ExecutionState).items()}
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
scalars = st.none() | st.booleans() | st.integers() | st.from_type(float) | st.text()
st.register_type_strategy(object, scalars | st.lists(scalars))


@pytest.mark.parametrize("part", PARTS)
def test_every_part_of_the_state_survives_json(part: str) -> None:
    @given(st.from_type(PARTS[part]))
    def survives(value: object) -> None:
        assert from_state(PARTS[part], json.loads(json.dumps(to_state(value), allow_nan=False))) == value

    survives()


def test_the_parts_are_those_that_the_state_machine_names() -> None:
    assert set(PARTS) == {
        "request",
        "lock",
        "dataset",
        "checks",
        "quote",
        "attempt",
        "waiting",
        "job",
        "watch",
        "judgement",
        "failure",
        "failed_at",
        "outcome",
    }


def test_what_a_later_deployment_added_is_ignored() -> None:
    assert from_state(Attempt, {"stage": 1, "choice": 0, "number": 2, "new": []}) == Attempt(
        stage=1, choice=0, number=2
    )


def test_a_missing_field_takes_its_default(job: LaunchedJob) -> None:
    state = to_state(job)
    del state["stop"], state["first_minutes"]
    assert from_state(LaunchedJob, state) == job


def test_a_missing_field_without_a_default_is_named(quote: Quote) -> None:
    state = to_state(quote)
    del state["choices"][1]["spot"]
    with pytest.raises(DeploymentChanged, match=r"another deployment \(\$\.choices\[1\]\.spot is missing\)"):
        from_state(Quote, state)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stage", "0"),
        ("stage", True),
        ("stage", None),
        ("cost_before_usd", "0"),
        ("instance_types", "ml.g5.2xlarge"),
        ("instance_types", [1]),
        ("first_minutes", "closed"),
        ("stop", {"relaunch": "no"}),
        ("spot", 1),
    ],
)
def test_a_value_of_another_type_is_named(job: LaunchedJob, field: str, value: object) -> None:
    with pytest.raises(DeploymentChanged, match=rf"\$\.{field}"):
        from_state(LaunchedJob, to_state(job) | {field: value})


def test_json_makes_no_difference_between_1_and_1_0(job: LaunchedJob) -> None:
    assert from_state(LaunchedJob, to_state(job) | {"cost_before_usd": 2}).cost_before_usd == 2.0


@pytest.mark.parametrize("broken", [{"action": "x"}, "text", [], 5, {"uri": None}])
def test_a_part_that_cannot_be_read_counts_as_unknown(
    broken: object, dataset: DatasetCheck, caplog: pytest.LogCaptureFixture
) -> None:
    state: dict[str, Any] = {"dataset": to_state(dataset), "quote": broken, "watch": broken, "another": broken}
    with caplog.at_level(logging.WARNING):
        assert ExecutionState.read(state) == ExecutionState(dataset=dataset)
    assert "$.quote" in caplog.text


@pytest.mark.parametrize("broken", ["text", 5, {"Error": 5}])
def test_a_failure_that_cannot_be_read_is_still_one(broken: object) -> None:
    state = ExecutionState.read({"failure": broken})
    assert state.failure == CaughtError()
    failure = state.failure_of(Execution.from_context(context()))
    assert failure is not None
    assert failure.error == "Unknown"
