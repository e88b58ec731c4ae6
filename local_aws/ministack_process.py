"""ministack as a child process: loopback only, a free port, its files in one folder, gone when this process is."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from local_aws.certificate import Certificate
from local_aws.supervised_process import SupervisedProcess

LOOPBACK = "127.0.0.1"
START_SECONDS = 60
LAST_WORDS = 2000  # characters
CHILD = Path(__file__).with_name("ministack_child.py")
CONTAINER_PYTHON = Path(__file__).with_name("container_python")
"""Goes on the PYTHONPATH of what runs in a container on AWS: see its sitecustomize.py."""


class MinistackError(Exception):
    """ministack did not start; the message is a sentence for a person."""


class MinistackProcess:
    """A running ministack; a context manager that ends it with all its Lambda workers.

    folder: an existing folder for its files only. scratch: what is removed if this process is killed.
    environment: AWS_* variables of the server, which its Lambda functions inherit.
    wait_scale: factor on the Wait states and retry intervals of state machines; 1 is real time, 0 never waits.
    certificate: with one it serves https only, and enforces IAM.

    `crashes` is the folder in which a file stands for each death that a Lambda function has still to die.
    """

    def __init__(
        self,
        folder: Path,
        *,
        scratch: Path,
        environment: Mapping[str, str],
        wait_scale: float,
        certificate: Certificate | None = None,
    ) -> None:
        self._folder = folder
        self._scratch = scratch
        self._environment = environment
        self._wait_scale = wait_scale
        self._certificate = certificate
        self.crashes = folder / "crashes"
        self._open = ExitStack()
        self._process: SupervisedProcess
        self.endpoint: str

    def __enter__(self) -> Self:
        log = self._folder / "ministack.log"
        self.crashes.mkdir()
        with ExitStack() as stack:
            # The child inherits the listening socket: nobody can take the port between choosing and using it.
            with socket.create_server((LOOPBACK, 0)) as listener, log.open("wb") as output:
                descriptor = listener.fileno()
                port = listener.getsockname()[1]
                self._process = SupervisedProcess(
                    [sys.executable, "-I", str(CHILD), str(descriptor)],
                    cwd=self._folder,
                    env=self._server_environment(port),
                    output=output,
                    scratch=self._scratch,
                    pass_fds=[descriptor],
                )
            # Its state is in memory and there is nothing to save, so it is killed at once.
            stack.callback(self._process.kill)
            self.endpoint = f"{'https' if self._certificate else 'http'}://{LOOPBACK}:{port}"
            wait_until_it_answers(f"{self.endpoint}/_ministack/health", log, self._certificate)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def wait(self) -> int:
        """Block until it ends by itself, which it never should; return its exit code."""
        return self._process.wait()

    def _server_environment(self, port: int) -> dict[str, str]:
        """All of the server's variables; nothing of ours leaks into it or into the Lambda functions."""
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(CONTAINER_PYTHON),  # of the functions; the child itself ignores it
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder),
            "S3_DATA_DIR": f"{self._folder}/s3",
            "STATE_DIR": f"{self._folder}/state",
            "GATEWAY_PORT": str(port),
            "BIND_HOST": LOOPBACK,
            "MINISTACK_HOST": LOOPBACK,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": f"unix://{self._folder}/no-docker",  # it would look for containers to clean up
            "LOG_LEVEL": "WARNING",
            "SFN_WAIT_SCALE": str(self._wait_scale),
            "LOCAL_AWS_CRASHES": str(self.crashes),
            **(enforcing(self._certificate) if self._certificate else {}),
            **self._environment,
        }


def enforcing(certificate: Certificate) -> dict[str, str]:
    """The variables with which ministack checks signatures and policies; it has its Lambdas trust the certificate."""
    return {
        "AUTH": "true",
        "USE_SSL": "1",
        "MINISTACK_SSL_CERT": str(certificate.certificate),
        "MINISTACK_SSL_KEY": str(certificate.key),
    }


def wait_until_it_answers(url: str, log: Path, certificate: Certificate | None) -> None:
    """Send one request: the socket listens already, so it waits for the answer, or for the end of the process."""
    trusted = ssl.create_default_context(cafile=certificate.certificate) if certificate else None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))
    try:
        opener.open(url, timeout=START_SECONDS).close()
    except OSError as error:  # URLError is one
        words = log.read_text(errors="replace").strip()[-LAST_WORDS:]
        raise MinistackError(f"ministack did not start ({error}). Its last words: {words or 'none'}") from None
