"""Bodies of S3 objects that end or stop in their middle, when a Lambda function reads them."""

from __future__ import annotations

from typing import Any

from local_aws.ministack_patches.endpoints import App, Receive, Scope, Send
from local_aws.ministack_patches.switched_faults import strikes

FUNCTION = b"exec-env/AWS_Lambda"
"""In the user agent of an SDK in a function."""


def with_body_faults(app: App) -> App:
    """The app, whose answers to GetObject break off or stall as often as it is switched on."""

    async def reading(scope: Scope, receive: Receive, send: Send) -> None:
        if not is_object_read(scope):
            await app(scope, receive, send)
            return
        status, fault = 0, ""

        async def send_half(message: dict[str, Any]) -> None:
            nonlocal status, fault
            status = message.get("status", status)
            body = message.get("body", b"")
            if status in (200, 206) and len(body) > 1 and not fault:
                fault = next((name for name in ("break_bodies", "stall_bodies") if strikes(name)), "")
                if fault:
                    message = message | {"body": body[: len(body) // 2], "more_body": True}
            await send(message)

        await app(scope, receive, send_half)
        # A body that has not ended when the app returns ends with its connection.
        while fault == "stall_bodies" and (await receive())["type"] != "http.disconnect":
            pass

    return reading


def is_object_read(scope: Scope) -> bool:
    """Whether a function asks for an object of a bucket: the path has both, and a listing has no object."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    headers = dict(scope["headers"])
    is_s3 = b"/s3/aws4_request" in headers.get(b"authorization", b"")
    return is_s3 and FUNCTION in headers.get(b"user-agent", b"") and "/" in scope["path"].strip("/")
