"""The condition key cloudwatch:namespace of PutMetricData, which ministack 1.5.33 leaves out when it enforces IAM.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
"""

from __future__ import annotations

import importlib
import json
from typing import Any


def apply() -> None:
    """Add the key to those that ministack takes out of each request."""
    actions: Any = importlib.import_module("ministack.core.iam_actions")
    context = actions.request_tag_context

    def context_with_namespace(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = context(service, iam_action, body, params)
        if iam_action == "cloudwatch:PutMetricData":
            found = found | {"cloudwatch:namespace": namespace_in(body, params)}
        return found

    actions.request_tag_context = context_with_namespace


def namespace_in(body: bytes, params: dict[str, Any]) -> str:
    """As the SDK for Python or a form sends it; empty, and so no namespace of a policy, if there is none."""
    given = params.get("Namespace")
    if given:
        return str(given[0] if isinstance(given, list) else given)
    try:
        content = json.loads(body)
    except ValueError:
        return ""
    return str(content.get("Namespace", "")) if isinstance(content, dict) else ""
