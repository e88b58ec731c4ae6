"""Long answers in pages, as the services return them: a number of items and a token for the next page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, TypeVar

from local_aws.api_errors import ApiError

Item = TypeVar("Item")


def page(
    items: Sequence[Item], request: dict[str, Any], *, longest: int, refusal: str
) -> tuple[list[Item], dict[str, str]]:
    """The page that the request's MaxResults and NextToken ask for, and the answer's NextToken if there are more.

    longest: items on a page for which no MaxResults is given. refusal: the error's name on the wire.
    """
    start = 0
    if token := request.get("NextToken"):
        try:
            start = int(base64.b64decode(token, validate=True))
        except ValueError:
            raise ApiError(refusal, "The NextToken is not one that this service has given.") from None
    end = start + request.get("MaxResults", longest)
    more = {"NextToken": base64.b64encode(str(end).encode()).decode()} if end < len(items) else {}
    return list(items[start:end]), more
