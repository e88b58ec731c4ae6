"""What EventBridge calls at the end of an execution that did not succeed: what Finalise does, where it did not."""

from collections.abc import Mapping
from typing import Any

from pipeline.aws_errors import raising_unavailable
from pipeline.clients import stepfunctions_client
from pipeline.ending.execution_state import ExecutionState
from pipeline.ending.unattended_end import failure_of
from pipeline.errors import AwsUnavailable
from pipeline.execution import AT_WORK, Execution
from pipeline.state import to_state
from pipeline.step import logged
from pipeline.steps.finalise import finalised


def handler(event: Mapping[str, Any], _context: object) -> Any:  # noqa: ANN401 - JSON
    """Event: Step Functions' "Execution Status Change". Returns the outcome; None if the execution goes on.

    What the state machine carried is not known: the jobs are found by the names that they can have, the lock by its
    holder. After Finalise there is nothing left to do. Raises AwsUnavailable, too, while DescribeExecution, which is
    eventually consistent, does not show the end yet.
    """
    arn, redrives = event["detail"]["executionArn"], event["detail"].get("redriveCount") or 0
    with raising_unavailable():
        description = stepfunctions_client().describe_execution(executionArn=arn)
    shown = description.get("redriveCount", 0)
    if shown > redrives:  # redriven before this event arrived
        return None
    if shown < redrives or description["status"] in AT_WORK:
        raise AwsUnavailable(f"Step Functions does not show the end of {arn} yet.")
    execution, failure = Execution.from_description(description), failure_of(description)
    return to_state(logged("clean_up", execution, lambda: finalised(execution, ExecutionState(), failure)))
