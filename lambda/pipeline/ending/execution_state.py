"""All that an execution carries from state to state, as a whole: what Finalise knows of it, however far it got."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from pipeline.dataset.batches import CheckedBatch
from pipeline.dataset.lock import DatasetLock
from pipeline.dataset.validation import DatasetCheck
from pipeline.ending.outcome import Failure, Outcome
from pipeline.errors import EXPECTED_ERRORS, LAMBDA_ERRORS, AwsUnavailable, CaughtError, DeploymentChanged
from pipeline.execution import Execution, moment
from pipeline.job.launched_job import Attempt, LaunchedJob
from pipeline.job.progress import Progress
from pipeline.links import execution_link
from pipeline.model.judgement import Judgement
from pipeline.quote.cost_quote import Quote
from pipeline.request import Request
from pipeline.state import from_state, hints


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionState:
    """The parts are named as in the state machine's paths, `$.request` and so on; None: not reached, or unreadable."""

    request: Request | None = None
    lock: DatasetLock | None = None
    dataset: DatasetCheck | None = None
    checks: tuple[CheckedBatch, ...] | None = None
    quote: Quote | None = None
    attempt: Attempt | None = None
    waiting: CaughtError | None = None
    job: LaunchedJob | None = None
    watch: Progress | None = None
    judgement: Judgement | None = None
    failure: CaughtError | None = None
    failed_at: str | None = None
    outcome: Outcome | None = None

    @classmethod
    def read(cls, state: Mapping[str, Any]) -> Self:
        """What of `state` can be read: an end must not fail because a part is of another deployment."""
        parts: dict[str, Any] = {}
        for name, hint in hints(cls).items():
            try:
                parts[name] = from_state(hint, state.get(name), place=f"$.{name}")
            except DeploymentChanged as error:
                logging.getLogger(__name__).warning("%s", error)
        if state.get("failure") is not None:  # a failure that cannot be read is still one
            parts.setdefault("failure", CaughtError())
        return cls(**parts)

    def failed_before_redrive(self, execution: Execution) -> bool:
        """Whether it is an end of before the last redrive: only Finalise was run again."""
        if self.failed_at is None or execution.redriven is None:
            return False
        return moment(self.failed_at) < execution.redriven

    def failure_of(self, execution: Execution) -> Failure | None:
        """What the execution fails with; None if it succeeded."""
        if self.failure is None:
            return None
        error, message = self.failure.Error, self.failure.message
        if error in LAMBDA_ERRORS:  # so that Failed, which raises the error, can tell it from one of its own invocation
            error, message = AwsUnavailable.__name__, f"{error}: {message}"
        if error in EXPECTED_ERRORS:
            return Failure(error=error, cause=message)
        link = execution_link(execution.region, execution.arn)
        return Failure(error=error, cause=f"The pipeline itself failed: {message or error}. Its event history: {link}")
