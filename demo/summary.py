"""What build/demo/summary.json holds: the outcome of one demo as data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from demo.phases import Phase


@dataclass(frozen=True, slots=True)
class Summary:
    """One run of the demo; losses are the total training loss of the first and of the last step."""

    execution_arn: str
    execution_status: str
    training_job_name: str
    training_job_status: str
    steps: int
    first_loss: float
    last_loss: float
    model_artifact: str
    dataset: dict[str, Any]
    """The counts of the data set's manifest."""
    phases: list[Phase]
    stack_outputs: dict[str, str]

    def to_json(self) -> str:
        """What summary.json holds."""
        return json.dumps(asdict(self), indent=2, allow_nan=False) + "\n"
