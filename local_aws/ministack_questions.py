"""The client of ministack_patches/endpoints.py: asks ministack's process a question, signed as the root user."""

from __future__ import annotations

import json
import ssl
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from local_aws.signature import sign
from loopback.callers import Request


class MinistackQuestions:
    """environment: the root user's AWS_* variables."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        trusted = ssl.create_default_context(cafile=environment.get("AWS_CA_BUNDLE"))
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted)
        )

    def ask(self, name: str, question: dict[str, Any]) -> dict[str, Any]:
        """What the answer of this name makes of the question."""
        endpoint, path = self._environment["AWS_ENDPOINT_URL"], f"/_local_aws/{name}"
        body = json.dumps(question).encode()
        head = Request("POST", path, [("host", urllib.parse.urlsplit(endpoint).netloc)])
        headers = sign(head, body, service="iam", environment=self._environment)
        request = urllib.request.Request(endpoint + path, data=body, headers=headers)  # noqa: S310  the loopback
        with self._opener.open(request, timeout=60) as response:
            answer: dict[str, Any] = json.load(response)
        return answer
