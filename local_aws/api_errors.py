"""The errors with which an embedded service answers a call."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


class ApiError(Exception):
    """Refuses a call: `code` is the error's name on the wire, the message is for the caller."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def invalid(message: str) -> ApiError:
    """A ValidationException: what AWS answers to most wrong requests."""
    return ApiError("ValidationException", message)


def not_embedded(what: str) -> ApiError:
    """AWS can do it, the embedded AWS cannot; the code is our own, so that it is not taken for a refusal by AWS."""
    return ApiError("NotEmbedded", f"The embedded AWS cannot do this, AWS can: {what}.")


def check_embedded(request: dict[str, Any], members: Collection[str]) -> None:
    """Refuse a request with other members than these; raises ApiError."""
    others = sorted(set(request) - set(members))
    if others:
        raise not_embedded(f"the member {others[0]} of this request")
