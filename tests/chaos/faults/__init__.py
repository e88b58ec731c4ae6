"""The faults of the chaos run, by who is at fault; a seed draws one of them, its moment and its variant."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.chaos.faults import aws, job, people, run
from tests.chaos.faults.fault import Fault

FAULTS: tuple[Callable[[random.Random], Fault], ...] = (*run.FAULTS, *aws.FAULTS, *job.FAULTS, *people.FAULTS)


def fault_of(seed: int) -> Fault:
    """The seed's fault, drawn by the seed alone: of as many seeds as there are faults, each draws another."""
    block, place = divmod(seed, len(FAULTS))
    order = random.Random(f"order {block}").sample(FAULTS, len(FAULTS))
    return order[place](random.Random(f"fault {seed}"))
