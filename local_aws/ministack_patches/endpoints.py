"""Paths on ministack's own port by which this package asks it something: JSON in, JSON out, for the root user only."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Answer = Callable[[dict[str, Any]], dict[str, Any]]

CALLER = "local_aws.access_key"
"""Where a request's scope has the access key that it is signed with."""


def with_endpoints(app: App, answers: Mapping[str, Answer]) -> App:
    """The app with the path /_local_aws/<name> for each of the answers."""

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        prefix, _, name = scope.get("path", "").rpartition("/")
        answer = answers.get(name) if prefix == "/_local_aws" else None
        if answer is None or scope.get(CALLER) != os.environ["AWS_ACCESS_KEY_ID"]:
            await app(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        content = json.dumps(answer(json.loads(body))).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return answering
