"""An S3 endpoint in front of another that disturbs what passes, for tests of the upload."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from local_aws.signature import Signature, sign
from loopback.callers import Request

REFUSALS = {
    "throttle": (503, b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"),
    "web page": (200, b"<html><body><h1>Log in to this network</h1></body></html>"),
    "deny": (403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"),
}

Disturb = Callable[["Gateway", str], str | None]
"""Called before a PUT of a key; "drop" or one of REFUSALS spoils it, "drop answer" lets it through unanswered."""
Answer = Callable[[str, str], tuple[int, Mapping[str, str], bytes] | None]
"""Called before any request with its method and path: what is answered in S3's place (status, headers, body)."""


class Gateway(ThreadingHTTPServer):
    """An S3 endpoint that passes requests on, and may disturb PUTs."""

    daemon_threads = True

    def __init__(self, endpoint: str, disturb: Disturb, answer: Answer = lambda method, path: None) -> None:
        super().__init__(("127.0.0.1", 0), GatewayHandler)
        self.behind, self.disturb, self.answer_instead = urlsplit(endpoint).netloc, disturb, answer
        self.puts: list[str] = []
        self.authorizations: list[str] = []
        self.lock = threading.Lock()
        self.passing = threading.Condition()
        self.in_flight = 0
        self.client: subprocess.Popen[str] | None = None
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no news."""

    def wait_until_all_is_passed_on(self) -> None:
        """A request outlives the client that sent it and was killed."""
        with self.passing:
            assert self.passing.wait_for(lambda: self.in_flight == 0, timeout=30)

    def signal(self, number: int) -> None:
        """Send a signal to the uploading process."""
        assert self.client is not None
        self.client.send_signal(number)
        if number == signal.SIGKILL:
            self.client.wait()


class GatewayHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gateway

    def pass_on(self) -> None:
        with self.server.passing:
            self.server.in_flight += 1
        try:
            self._pass_on()
        finally:
            with self.server.passing:
                self.server.in_flight -= 1
                self.server.passing.notify_all()

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        verdict = None
        if self.command == "PUT":
            with self.server.lock:
                self.server.puts.append(self.path)
                self.server.authorizations.append(self.headers["Authorization"])
                verdict = self.server.disturb(self.server, self.path)
        instead = self.server.answer_instead(self.command, self.path)
        if instead is not None:
            self.answer(*instead)
        elif verdict in REFUSALS:
            status, error = REFUSALS[verdict]
            self.answer(status, {}, error)
        elif verdict == "drop":
            self.close_connection = True
        else:
            connection = http.client.HTTPConnection(self.server.behind, timeout=30)
            # Signed again, for the embedded AWS takes only what is signed for its own address.
            given = Signature.of(Request(self.command, self.path, self.headers.items()))
            assert given is not None
            head = Request(self.command, self.path, [*self.unsigned(), ("host", self.server.behind)])
            signature = sign(head, body, service="s3", environment={**os.environ, "AWS_REGION": given.region})
            connection.request(self.command, self.path, body, dict(head.headers) | signature)
            answer = connection.getresponse()
            content = answer.read()
            if verdict == "drop answer":
                self.close_connection = True
            else:
                self.answer(answer.status, dict(answer.getheaders()), content)
            connection.close()

    def unsigned(self) -> list[tuple[str, str]]:
        """The headers without the client's signature."""
        signing = ("authorization", "host", "x-amz-date", "x-amz-content-sha256")
        return [(name, value) for name, value in self.headers.items() if name.lower() not in signing]

    def answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = pass_on  # noqa: N815  http.server calls them
