"""Step Resolve: from the execution's input to one complete, checked request."""

import os

from pipeline.execution import Execution
from pipeline.request import Request
from pipeline.request_input import parse_request
from pipeline.settings import Defaults
from pipeline.step import Step


@Step
def handler(*, execution: Execution) -> Request:
    """Raises RequestInvalid."""
    return parse_request(execution.input, Defaults.from_environment(os.environ))
