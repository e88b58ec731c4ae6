"""A server on the loopback takes no request of another site's page, and its own pages' if it has some."""

from __future__ import annotations

import pytest

from loopback.callers import Request, Stranger, host_of, stranger

HOST = "127.0.0.1:8765"
OWN = [
    [],
    [("Origin", f"http://{HOST}"), ("Sec-Fetch-Site", "same-origin")],
    [("Sec-Fetch-Site", "none")],  # typed into the address bar
]
FOREIGN = [
    ("Origin", "https://evil.example"),
    ("Origin", "null"),
    ("Origin", ""),
    ("Origin", "http://127.0.0.1:8766"),
    ("Origin", f"https://{HOST}"),
    ("oRiGiN", f"http://{HOST}.evil.example"),
    ("Sec-Fetch-Site", "cross-site"),
    ("Sec-Fetch-Site", "same-site"),
    ("Sec-Fetch-Site", "same-origin, none"),
]


def judge(*headers: tuple[str, str], has_pages: bool = True, host: str = HOST, target: str = "/") -> Stranger | None:
    return stranger(Request("GET", target, [("Host", host), *headers]), HOST, has_pages=has_pages)


@pytest.mark.parametrize("headers", OWN)
def test_a_server_with_pages_takes_their_requests(headers: list[tuple[str, str]]) -> None:
    assert judge(*headers) is None
    assert judge(*headers, has_pages=False) is (Stranger.WEB_PAGE if headers else None)


@pytest.mark.parametrize("header", FOREIGN)
@pytest.mark.parametrize("has_pages", [True, False])
def test_a_page_of_another_site_is_refused(header: tuple[str, str], has_pages: bool) -> None:
    assert judge(header, has_pages=has_pages) is Stranger.WEB_PAGE


def test_one_header_that_comes_twice_is_refused() -> None:
    assert judge(*[("Origin", f"http://{HOST}")] * 2) is Stranger.WEB_PAGE
    assert judge(("Host", HOST)) is Stranger.HOST


@pytest.mark.parametrize("host", ["evil.example:8765", "localhost:8765", "127.0.0.1", "127.0.0.1:8766", ""])
def test_another_host_is_refused(host: str) -> None:
    assert judge(host=host) is Stranger.HOST


def test_a_whole_address_as_the_target_is_refused() -> None:
    assert judge(target=f"http://{HOST}/") is Stranger.HOST
    assert stranger(Request("GET", "/", []), HOST, has_pages=True) is Stranger.HOST


def test_a_client_leaves_out_http_s_own_port() -> None:
    assert [host_of("127.0.0.1", port) for port in (80, 8765)] == ["127.0.0.1", HOST]
    of_a_page = Request("GET", "/", [("Host", "127.0.0.1"), ("Origin", "http://127.0.0.1")])
    assert stranger(of_a_page, host_of("127.0.0.1", 80), has_pages=True) is None
