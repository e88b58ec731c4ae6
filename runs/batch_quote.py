"""What a batch should take and cost, before it is started."""

import math
from dataclasses import dataclass

from serving.settings import MEMORY_MB

from dataset_prep.plural import pluralise

CPU_SECONDS = 4.5
"""Of a plan: `room_wall` with onnxruntime, 800x1066 pixels, measured on two cores (docs/serving.md)."""
MB_OF_A_PROCESSOR = 1769
"""Memory with which a function of Lambda has a whole processor."""
START_SECONDS = 10
"""Until a function that was idle has loaded the model."""
PRICES = "us-east-1, 2026-08"
USD_OF_A_GB_SECOND = 0.0000166667
"""Of Lambda on x86; a GB is 1024 MB."""
USD_OF_A_TRANSITION = 0.000025
"""Of Step Functions."""
TRANSITIONS = 2
"""Of a plan: its execution in the map, and the call of the function."""
MOST_USD_OF_A_PLAN = 0.04
"""Of one that takes the function's five minutes twice, after 120 tries to call it (stacks/serving/batches.py)."""


@dataclass(frozen=True, slots=True)
class BatchQuote:
    """Of so many plans, so many at a time, that are taken whole."""

    plans: int
    at_a_time: int

    @property
    def seconds(self) -> float:
        """From the start of the batch to its end."""
        in_turn = -(-self.plans // self.at_a_time)
        return START_SECONDS + in_turn * _seconds_of_a_plan()

    @property
    def usd(self) -> float:
        """What Lambda and Step Functions take."""
        starts = min(self.plans, self.at_a_time) * START_SECONDS
        return _lambda_usd(self.plans * _seconds_of_a_plan() + starts) + self.plans * TRANSITIONS * USD_OF_A_TRANSITION

    @property
    def sentence(self) -> str:
        """For a person who is to agree."""
        minutes = math.ceil(self.seconds / 60)
        return (
            f"{pluralise(self.plans, 'plan', 'plans')}, {self.at_a_time} at a time: about "
            f"{pluralise(minutes, 'minute', 'minutes')} and {self.usd:.2g} USD ({PRICES}), more where plans are so "
            f"large that they are taken in tiles. No plan can cost more than {MOST_USD_OF_A_PLAN} USD."
        )


def _seconds_of_a_plan() -> float:
    return CPU_SECONDS * MB_OF_A_PROCESSOR / MEMORY_MB


def _lambda_usd(seconds: float) -> float:
    return seconds * MEMORY_MB / 1024 * USD_OF_A_GB_SECOND
