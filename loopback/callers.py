"""Which requests to a server on the loopback a web page of another site has sent; a request's head tells.

Any web page in a person's browser can send requests to the loopback. Two rules keep them out:

- Browsers add Origin or Sec-Fetch-Site to what a page asks for, and no page can prevent it; preflights, forms, images
  and WebSockets included. A server without pages takes no request with either. One with pages takes those of its own.
- The Host is the server's address. A page whose own name has come to stand for 127.0.0.1 (DNS rebinding) is of the
  same origin as what it asks for, but its Host is its own name.

By the standard library alone: the embedded AWS runs it in a process of its own, which must start fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

FROM_A_BROWSER = ("origin", "sec-fetch-site")
HTTP_PORT = 80


@dataclass(frozen=True)
class Request:
    """A request's head as it arrived: the target with its query, the headers as Latin-1 in their order."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]

    def values(self, name: str) -> list[str]:
        """All values of a header, by its name in lower case."""
        return [value.strip() for header, value in self.headers if header.lower() == name]


class Stranger(Enum):
    """Why a request is refused."""

    WEB_PAGE = auto()
    """A web page of another site sent it."""
    HOST = auto()
    """It was sent to another name than the server's address."""


def host_of(address: str, port: int) -> str:
    """A server's address and port, as a client writes them into the header Host: without HTTP's own port."""
    return address if port == HTTP_PORT else f"{address}:{port}"


def stranger(request: Request, host: str, *, has_pages: bool) -> Stranger | None:
    """Why `request` is to be refused, None if it is not.

    host: as host_of() makes it. has_pages: whether the server has pages of its own, whose requests it takes.
    """
    own = {"origin": [f"http://{host}"], "sec-fetch-site": ["same-origin", "none"]} if has_pages else {}
    for name in FROM_A_BROWSER:
        values = request.values(name)  # even without a text
        if len(values) > 1 or any(value not in own.get(name, ()) for value in values):
            return Stranger.WEB_PAGE
    if request.values("host") != [host] or not request.target.startswith("/"):
        return Stranger.HOST
    return None
