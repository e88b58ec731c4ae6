"""The resource of calls about a map run, which ministack 1.5.33 takes for "*" when it enforces IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html
"""

from __future__ import annotations

import importlib
import json
from typing import Any


def apply() -> None:
    """Name the map run where the request does."""
    actions: Any = importlib.import_module("ministack.core.iam_actions")
    extract = actions.extract_resource_arn

    def with_map_runs(service: str, *request: Any) -> str:  # noqa: ANN401 - method, path, headers, body and others
        found: str = extract(service, *request)
        return map_run_in(request[3]) or found if service == "states" and found == "*" else found

    actions.extract_resource_arn = with_map_runs


def map_run_in(body: bytes) -> str:
    """The ARN in a request's body; empty if there is none."""
    try:
        content = json.loads(body)
    except ValueError:
        return ""
    return str(content.get("mapRunArn", "")) if isinstance(content, dict) else ""
