"""Step Failed: end the execution with the run's error, or start the run again after a redrive."""

from pipeline.ending.outcome import Outcome
from pipeline.execution import Execution
from pipeline.step import Step


@Step
def handler(*, execution: Execution, outcome: Outcome) -> dict[str, object]:
    """Raises the outcome's error, under its name, with its cause.

    A redrive runs this step again, since it is the one that did not succeed. Then it returns an empty state, and each
    step of the run finds what the earlier try has left.
    """
    if execution.redrive_count > outcome.redrive_count:
        return {}
    raise _named(str(outcome.error))(outcome.cause)


def _named(error: str) -> type[Exception]:
    """Lambda reports the class's name, which the console shows as the execution's error."""
    return type(error, (Exception,), {})
