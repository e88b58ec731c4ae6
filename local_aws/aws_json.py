"""The HTTP server of the services that ministack lacks: awsJson 1.1, all on one free port of the loopback."""

from __future__ import annotations

import json
import logging
import socket
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from local_aws.api_errors import ApiError, not_embedded
from local_aws.gate import Gate, RefusedError
from local_aws.request_shapes import check_request, service_model
from loopback.callers import Request

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
CONTENT_TYPE = "application/x-amz-json-1.1"
LARGEST_REQUEST = 1024 * 1024

Operation = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Permission:
    """What IAM is asked: whether the caller may do `action` on `resource`, under these IAM condition keys."""

    action: str
    resource: str
    conditions: Mapping[str, str] = field(default_factory=dict)


class Service(Protocol):
    """A service behind the server. `name` is boto3's; requests conform to the service's model when they arrive."""

    name: str

    @property
    def operations(self) -> Mapping[str, Operation]:
        """The embedded operations: each returns the answer to a request."""

    def permissions(self, operation: str, request: dict[str, Any]) -> Sequence[Permission]:
        """The permissions that the caller needs for this call."""


@dataclass(frozen=True)
class Call:
    """One call as it arrived, for the authorizer."""

    operation: str
    path: str
    headers: Sequence[tuple[str, str]]
    body: bytes


class AwsJsonServer:
    """Listens from the beginning, so that its endpoint is known; answers from `start` to `close`."""

    def __init__(self) -> None:
        self._http = HttpServer((LOOPBACK, 0), Handler)
        self.endpoint = f"http://{LOOPBACK}:{self._http.server_address[1]}"
        self._thread: threading.Thread | None = None

    def start(
        self,
        services: Sequence[Service],
        *,
        before: Callable[[str], None],
        secret_of: Callable[[str], str | None],
        authorize: Callable[[Call, Permission], None] | None,
    ) -> None:
        """Answer requests that pass the gate.

        before: called with the operation's name before it runs; may raise ApiError.
        secret_of: the secret key that belongs to an access key, None for one that is not known.
        authorize: raises ApiError if the caller lacks the permission; None lets everybody do everything.
        """
        # Load the models now instead of with the first request.
        self._http.services = {
            str(service_model(service.name).metadata["targetPrefix"]): service for service in services
        }
        self._http.gate = Gate(self.endpoint.removeprefix("http://"), secret_of)
        self._http.before, self._http.authorize = before, authorize
        # The argument is the interval in seconds at which it checks for shutdown.
        self._thread = threading.Thread(target=self._http.serve_forever, args=[0.05], name="aws-json", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering; may be called twice."""
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._thread = None
        self._http.server_close()


class HttpServer(ThreadingHTTPServer):
    """One thread a connection; none of them keeps the process alive."""

    daemon_threads = True
    block_on_close = False
    gate: Gate
    services: Mapping[str, Service]
    before: Callable[[str], None]
    authorize: Callable[[Call, Permission], None] | None

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  the base class's signature
        """Print no traceback when a client disconnects."""
        logger.debug("connection from %s broke off", client_address, exc_info=True)


class Handler(BaseHTTPRequestHandler):
    """Reads a call, runs its operation, and writes the answer."""

    server: HttpServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def setup(self) -> None:
        """Answers are small: send them at once instead of waiting for more."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def parse_request(self) -> bool:
        """Let a request pass the gate, whatever its method."""
        if not super().parse_request():
            return False
        self._request = Request(self.command, self.path, self.headers.items())
        try:
            self._admission = self.server.gate.admit(self._request)
        except RefusedError as error:
            self._refuse(error)
            return False
        return True

    def do_POST(self) -> None:
        """Every operation is a POST to / whose X-Amz-Target names it."""
        try:
            answer: dict[str, Any] = self._call()
            status = HTTPStatus.OK
        except ApiError as error:
            answer = {"__type": error.code, "message": str(error)}
            status = HTTPStatus.BAD_REQUEST
        except RefusedError as error:
            self._refuse(error)
            return
        except Exception:
            logger.exception("%s: internal error", self.headers.get("X-Amz-Target"))
            answer = {"__type": "InternalFailure", "message": "The embedded AWS has a bug; see its log."}
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        self._send(status, answer)

    def _call(self) -> dict[str, Any]:
        length = ",".join(self.headers.get_all("Content-Length", []))
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > LARGEST_REQUEST:
            self.close_connection = True  # where the next request begins is unknown
            raise ApiError("SerializationException", "Content-Length is missing or too large.")
        body = self.rfile.read(int(length))
        self._admission.check(body)
        target, _, operation = self.headers.get("X-Amz-Target", "").partition(".")
        service = self.server.services.get(target)
        if service is None:
            raise ApiError("UnknownOperationException", f"The service {target!r} does not exist.")
        try:
            content = json.loads(body)
        except ValueError:
            raise ApiError("SerializationException", "The request is not JSON.") from None
        request = check_request(service_model(service.name), operation, content)
        if operation not in service.operations:
            raise not_embedded(f"{service.name}: {operation}")
        if self.server.authorize is not None:
            call = Call(operation, self.path, self.headers.items(), body)
            for permission in service.permissions(operation, request):
                self.server.authorize(call, permission)
        self.server.before(operation)
        return service.operations[operation](request)

    def _refuse(self, error: RefusedError) -> None:
        self.close_connection = True  # a body that was not read must not be taken for the next request
        self._send_bytes(HTTPStatus.FORBIDDEN, *error.answer(self._request))

    def _send(self, status: HTTPStatus, answer: dict[str, Any]) -> None:
        self._send_bytes(status, CONTENT_TYPE, json.dumps(answer, default=epoch_seconds).encode())

    def _send_bytes(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log calls for debugging only."""
        logger.debug(format, *args)


def epoch_seconds(value: object) -> float:
    """Times on the wire; raises TypeError for anything else."""
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} cannot be part of an answer")
