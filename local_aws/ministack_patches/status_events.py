"""Step Functions' status events that get lost, come late, or come twice: on AWS they are best effort."""

from __future__ import annotations

import contextvars
import importlib
import threading
from typing import Any

from local_aws.ministack_patches.switched_faults import switched

SECOND_AFTER = 1.0
"""Seconds between an event and its double."""


def apply() -> None:
    """Deliver status events as it is switched on."""
    eventbridge: Any = importlib.import_module("ministack.services.eventbridge")
    put_events = eventbridge._put_events

    def put_best_effort(request: dict[str, Any], **options: Any) -> Any:  # noqa: ANN401  ministack has no types
        faults, entries = switched(), request.get("Entries", [])
        if not options.get("allow_aws_source") or any(entry["Source"] != "aws.states" for entry in entries):
            return put_events(request, **options)
        if faults.drop_status_events:
            return None
        moments = [faults.delay_status_events]
        if faults.double_status_events:
            moments.append(faults.delay_status_events + SECOND_AFTER)
        for moment in moments:
            # The account and region are in context variables, which a thread does not inherit.
            deliver = contextvars.copy_context().run
            if moment:
                timer = threading.Timer(moment, deliver, [put_events, request], options)
                timer.daemon = True
                timer.start()
            else:
                deliver(put_events, request, **options)
        return None

    eventbridge._put_events = put_best_effort
