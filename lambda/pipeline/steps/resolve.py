"""Step Resolve: from the execution's input to one complete, checked request."""

import os

from pipeline.execution import Execution
from pipeline.request import Defaults, Request, parse_request
from pipeline.settings import ResolveSettings
from pipeline.step import Step


@Step
def handler(*, execution: Execution) -> Request:
    """Raises RequestInvalid."""
    settings = ResolveSettings.from_environment(os.environ)
    defaults = Defaults(
        dataset_prefix=settings.dataset_prefix,
        preset=settings.default_preset,
        instance_type=settings.default_instance_type,
        quality_gate=settings.quality_gate,
    )
    return parse_request(execution.input, defaults)
