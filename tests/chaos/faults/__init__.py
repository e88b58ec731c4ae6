"""The faults of the chaos run, by who is at fault; a seed draws one of them, its moment and its variant."""

from __future__ import annotations

import random

from tests.chaos.faults import aws, conditions, job, people, run
from tests.chaos.faults.fault import Fault, Kind

FAULTS: tuple[Kind, ...] = (*run.FAULTS, *aws.FAULTS, *job.FAULTS, *people.FAULTS, *conditions.FAULTS)
"""The draw: a kind is added by its entry in one of these."""


def fault_of(seed: int) -> Fault:
    """The seed's fault, drawn by the seed alone: of as many seeds as there are faults, each draws another."""
    block, place = divmod(seed, len(FAULTS))
    order = random.Random(f"order {block}").sample(FAULTS, len(FAULTS))
    return drawn(order[place], seed)


def drawn(kind: Kind, seed: int) -> Fault:
    """The kind's moment and variant of this seed."""
    return kind(random.Random(f"fault {seed}"))
