"""A few runs of `python -m tests.chaos`: whatever strikes, the pipeline ends in a right and notified state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.chaos_run import chaos_deployment, run_chaos
from tests.chaos.faults import FAULTS, aws, conditions, drawn, fault_of, job, people
from tests.chaos.faults.fault import Kind
from tests.end_to_end.deployed import Deployed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

DRAWN: dict[str, tuple[Kind, int]] = {
    "launch always dies after its work": (aws.crash_for_good, 4),  # and so leaves a job that nobody would stop
    "execution aborted after 1.3 s, then redriven": (people.redriven, 19),
    "second start after 0.0 s": (people.two_starts, 0),
    "job fails with CONFIG, and the step Failed dies once": (job.failed_job, 1),
    "stale ends for 1.7: execution aborted after 0.1 s, then redriven": (conditions.STALE_ENDS, 17),
    "lost events: execution aborted after 1.5 s": (conditions.LOST_EVENTS, 5),
    "lost event of a history full at 134": (conditions.HISTORY_FULL_UNTOLD, 0),
}


@pytest.fixture(scope="module")
def chaotic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with chaos_deployment(tmp_path_factory.mktemp("chaos")) as deployed:
        yield deployed


@pytest.mark.parametrize("name", DRAWN)
def test_after_a_fault_the_run_has_ended_rightly_and_told_so(chaotic: Deployed, name: str) -> None:
    kind, seed = DRAWN[name]
    fault = drawn(kind, seed)
    assert fault.name == name
    verdict = run_chaos(chaotic, seed, fault)
    assert not verdict.wrong, verdict.line()


def test_as_many_seeds_as_there_are_faults_draw_each_once() -> None:
    block = [fault_of(seed).name.split(" (")[0] for seed in range(len(FAULTS))]
    assert len(set(block)) == len(FAULTS)
