"""The sweep that EventBridge calls every quarter of an hour, called at once as if that time had passed."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, tzinfo
from unittest.mock import patch

from pipeline import clients
from pipeline.steps import sweep

from tests.end_to_end.deployed import Deployed

LATER = timedelta(minutes=15)


class LaterDatetime(datetime):
    """A clock that is ahead."""

    @classmethod
    def now(cls, tz: tzinfo | None = UTC) -> LaterDatetime:
        """In a quarter of an hour."""
        return cls.fromtimestamp(datetime.now(tz).timestamp() + LATER.total_seconds(), tz)


def sweep_later(deployed: Deployed) -> list[str]:
    """Run the deployed function's handler in this process; the names of the executions that it attended to."""
    function = deployed.session.client("lambda").get_function_configuration(FunctionName=deployed.function("sweep"))
    for client in vars(clients).values():
        if hasattr(client, "cache_clear"):
            client.cache_clear()  # another deployment's
    with patch.dict(os.environ, function["Environment"]["Variables"]), patch.object(sweep, "datetime", LaterDatetime):
        return sweep.handler({}, None)
