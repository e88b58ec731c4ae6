"""A few runs of `python -m tests.chaos`: whatever strikes, the pipeline ends in a right and notified state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.chaos_run import chaos_deployment, run_chaos
from tests.chaos.faults import FAULTS, fault_of
from tests.end_to_end.deployed import Deployed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

SEEDS = {
    24: "launch always dies after its work",  # and so leaves a job that nobody would stop
    121: "execution aborted after 1.3 s, then redriven",
    15: "second start after 0.0 s",
    265: "job fails with NAN_LOSS, and the step Failed dies once",
}


@pytest.fixture(scope="module")
def chaotic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with chaos_deployment(tmp_path_factory.mktemp("chaos")) as deployed:
        yield deployed


@pytest.mark.parametrize(("seed", "name"), SEEDS.items())
def test_after_a_fault_the_run_has_ended_rightly_and_told_so(chaotic: Deployed, seed: int, name: str) -> None:
    verdict = run_chaos(chaotic, seed)
    assert verdict.fault == name
    assert not verdict.wrong, verdict.line()


def test_as_many_seeds_as_there_are_faults_draw_each_once() -> None:
    block = [fault_of(seed).name.split(" (")[0] for seed in range(len(FAULTS))]
    assert len(set(block)) == len(FAULTS)
