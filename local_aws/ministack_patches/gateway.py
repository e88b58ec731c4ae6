"""Puts the gate before ministack: 1.5.33 answers every origin, and checks neither the Host nor who signed.

Whatever reaches ministack's port passes here: hypercorn calls the one application, for every method, path and protocol.
"""

from __future__ import annotations

from typing import Any

from local_aws.gate import LARGEST_SIGNED_BODY, Gate, RefusedError
from local_aws.ministack_patches.endpoints import CALLER, App, Receive, Scope, Send
from local_aws.ministack_patches.iam_questions import secret_key_of
from loopback.callers import Request


def with_gate(app: App, host: str) -> App:
    """The app behind the gate; host: the address that it is called by."""
    gate = Gate(host, secret_key_of)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await app(scope, receive, send)
        elif scope["type"] == "http":
            request = head_of(scope)
            try:
                admission = gate.admit(request)
                body = await read_body(receive) if admission.needs_body else None
                admission.check(body or b"")
            except RefusedError as error:
                await refuse(error, request, send)
                return
            scope[CALLER] = admission.access_key
            await app(scope, receive if body is None else replaying(body, receive), send)
        else:  # WebSockets, which nothing here needs; before it is accepted, a close refuses the handshake
            await send({"type": "websocket.close", "code": 1008})

    return guarded


def head_of(scope: Scope) -> Request:
    """The request's head as hypercorn has read it."""
    query = scope["query_string"].decode("latin-1")
    target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    return Request(scope["method"], target, headers)


async def read_body(receive: Receive) -> bytes:
    """The whole body. Raises RefusedError when it is too large."""
    parts, size = [], 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_SIGNED_BODY:
            raise RefusedError("RequestEntityTooLarge", "The body is too large to be signed: send its hash with it.")
        if not message.get("more_body"):
            return b"".join(parts)


def replaying(body: bytes, receive: Receive) -> Receive:
    """Gives the app the body that was read, then what still arrives."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> dict[str, Any]:
        return messages.pop() if messages else await receive()

    return replay


async def refuse(error: RefusedError, request: Request, send: Send) -> None:
    """Answer without a header that would let a page read it."""
    content_type, body = error.answer(request)
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})
