"""The wire side of the SageMaker server: awsJson 1.1 over HTTP, on a free port of the loopback."""

from __future__ import annotations

import json
import logging
import socket
import threading
import uuid
from collections.abc import Collection, Mapping
from datetime import datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local_aws.sagemaker.errors import SageMakerError
from local_aws.sagemaker.request_shapes import check_request, service_model
from local_aws.sagemaker.training_jobs import TrainingJobs

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
TARGET_PREFIX = "SageMaker."
CONTENT_TYPE = "application/x-amz-json-1.1"
LARGEST_REQUEST = 1024 * 1024


class SageMakerServer:
    """Listens at once, so that others can be told its endpoint; answers from `start` to `close`.

    folder: an existing folder for its files only. scratch: what is removed if this process is killed.
    stop_grace: seconds between SIGTERM and SIGKILL for a job; AWS gives 120.
    """

    def __init__(self, folder: Path, *, scratch: Path, stop_grace: float) -> None:
        self._http = HttpServer((LOOPBACK, 0), Handler)
        self.endpoint = f"http://{LOOPBACK}:{self._http.server_address[1]}"
        self._folder = folder
        self._scratch = scratch
        self._stop_grace = stop_grace
        self._jobs: TrainingJobs | None = None
        self._thread: threading.Thread | None = None

    def start(self, environment: Mapping[str, str]) -> None:
        """Answer requests; `environment` has the AWS_* variables by which S3, logs, metrics and roles are reached."""
        self._jobs = TrainingJobs(environment, folder=self._folder, scratch=self._scratch, stop_grace=self._stop_grace)
        self._http.jobs = self._jobs
        service_model()  # takes a moment to load, which the first request should not have to wait for
        # The argument is how often it looks whether to shut down, in seconds.
        self._thread = threading.Thread(target=self._http.serve_forever, args=[0.05], name="sagemaker", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Kill every job and stop answering; may be called twice."""
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._thread = None
        self._http.server_close()
        if self._jobs is not None:
            self._jobs.close()

    def interrupt(self, job_name: str) -> None:
        """Take a managed-spot job's instance away, as happens on AWS at any time; returns at once.

        The job gets SIGTERM, then SIGKILL after the grace period; its last checkpoints go to S3, and it starts again
        from them. Raises ValueError if it is not a managed-spot job that is training, SageMakerError if there is none.
        """
        self._started().interrupt(job_name)

    def wait_for(self, job_name: str, statuses: Collection[str], timeout: float) -> dict[str, Any]:
        """Wait until the job's SecondaryStatus is one of these or its last; return its description.

        Raises TimeoutError.
        """
        return self._started().wait_for(job_name, statuses, timeout)

    def _started(self) -> TrainingJobs:
        if self._jobs is None:
            raise RuntimeError("the SageMaker server has not been started")
        return self._jobs


class HttpServer(ThreadingHTTPServer):
    """One thread a connection; none of them keeps the process alive."""

    daemon_threads = True
    block_on_close = False
    jobs: TrainingJobs

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  the base class's signature
        """A client that goes away is not worth a traceback."""
        logger.debug("connection from %s broke off", client_address, exc_info=True)


class Handler(BaseHTTPRequestHandler):
    """Reads one call of the API, has it done, and writes the answer."""

    server: HttpServer
    protocol_version = "HTTP/1.1"
    timeout = 60

    def setup(self) -> None:
        """Answers are small: send them at once instead of waiting for more."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_POST(self) -> None:
        """Every operation is a POST to / whose X-Amz-Target names it."""
        try:
            answer: dict[str, Any] = self._call()
            status = HTTPStatus.OK
        except SageMakerError as error:
            answer = {"__type": error.code, "message": str(error)}
            status = HTTPStatus.BAD_REQUEST
        except Exception:
            logger.exception("%s: internal error", self.headers.get("X-Amz-Target"))
            answer = {"__type": "InternalFailure", "message": "The embedded SageMaker server has a bug; see its log."}
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        self._send(status, answer)

    def _call(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_REQUEST:
            self.close_connection = True  # there is no telling where the next request begins
            raise SageMakerError("SerializationException", "Content-Length is missing or too large.")
        body = self.rfile.read(int(length))
        # Signed like every call to AWS; this also keeps web pages out, which cannot send the header to another origin.
        if not self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 "):
            raise SageMakerError("MissingAuthenticationToken", "Request is missing Authentication Token")
        operation = self.headers.get("X-Amz-Target", "").removeprefix(TARGET_PREFIX)
        try:
            request = json.loads(body)
        except ValueError:
            raise SageMakerError("SerializationException", "The request is not JSON.") from None
        request = check_request(operation, request)
        if operation not in self.server.jobs.operations:
            raise SageMakerError("NotEmbedded", f"The embedded SageMaker server has no {operation}; AWS has.")
        return self.server.jobs.operations[operation](request)

    def _send(self, status: HTTPStatus, answer: dict[str, Any]) -> None:
        body = json.dumps(answer, default=epoch_seconds).encode()
        self.send_response(status)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Calls are nothing to tell a person about."""
        logger.debug(format, *args)


def epoch_seconds(value: object) -> float:
    """Times on the wire; raises TypeError for what is none."""
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{type(value).__name__} has no place in an answer")
