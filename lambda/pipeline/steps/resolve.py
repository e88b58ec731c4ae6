"""Step Resolve: from the execution's input to one complete, checked request."""

from __future__ import annotations

import os
from typing import Any

from pipeline.request import Defaults, parse_request
from pipeline.settings import ResolveSettings


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Event: {"execution": $$.Execution}. Returns the request. Raises RequestInvalid."""
    settings = ResolveSettings.from_environment(os.environ)
    defaults = Defaults(
        dataset_prefix=settings.dataset_prefix,
        preset=settings.default_preset,
        instance_type=settings.default_instance_type,
        quality_gate=settings.quality_gate,
    )
    return parse_request(event["execution"]["Input"], defaults).to_state()
