"""ministack as a child process on a free port of the loopback, its files in one folder; it ends with this process."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local_aws.aws_json import LOOPBACK
from local_aws.certificate import Certificate
from local_aws.supervised_process import SupervisedProcess

START_SECONDS = 60
LOG_END = 2000  # characters
CONTAINER_PYTHON = Path(__file__).with_name("container_python")
"""Goes on the PYTHONPATH of what runs in a container on AWS: see its sitecustomize.py."""


class MinistackError(Exception):
    """ministack did not start; the message is a sentence for a person."""


@dataclass(kw_only=True)
class MinistackProcess:
    """A running ministack; a context manager that ends it with all its Lambda workers. With a certificate it serves
    https only, and enforces IAM.
    """

    folder: Path
    """An existing folder for its files only."""
    scratch: Path
    """What is removed if this process is killed."""
    environment: Mapping[str, str]
    """AWS_* variables of the server, which its Lambda functions inherit; the credentials are the root user's."""
    wait_scale: float
    """Factor on the Wait states and retry intervals of state machines; 1 is real time, 0 never waits."""
    certificate: Certificate | None = None

    def __post_init__(self) -> None:
        self.crashes = self.folder / "crashes"
        """The folder with one file for each call in which a Lambda function is to be killed."""
        self.endpoint = ""
        self._open = ExitStack()

    def __enter__(self) -> Self:
        log = self.folder / "ministack.log"
        self.crashes.mkdir()
        with ExitStack() as stack:
            # The child inherits the listening socket: no other process can take the port in between.
            with socket.create_server((LOOPBACK, 0)) as listener, log.open("wb") as output:
                descriptor = listener.fileno()
                port = listener.getsockname()[1]
                self._process = SupervisedProcess(
                    [sys.executable, "-I", "-m", "local_aws.ministack_child", str(descriptor)],
                    cwd=self.folder,
                    env=self._server_environment(port),
                    output=output,
                    scratch=self.scratch,
                    pass_fds=[descriptor],
                )
            # Its state is in memory and nothing has to be saved, so it is killed at once.
            stack.callback(self._process.kill)
            self.endpoint = f"{'https' if self.certificate else 'http'}://{LOOPBACK}:{port}"
            wait_until_it_answers(self.endpoint, log, self.certificate)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def wait(self) -> int:
        """Block until it ends by itself, which is an error; return its exit code."""
        return self._process.wait()

    def _server_environment(self, port: int) -> dict[str, str]:
        """All of the server's variables; this process's own do not reach it or the Lambda functions."""
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(CONTAINER_PYTHON),  # of the functions; the child itself ignores it
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "S3_DATA_DIR": f"{self.folder}/s3",
            "STATE_DIR": f"{self.folder}/state",
            "GATEWAY_PORT": str(port),
            "BIND_HOST": LOOPBACK,
            "MINISTACK_HOST": LOOPBACK,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": f"unix://{self.folder}/no-docker",  # else it looks for containers to clean up
            "LOG_LEVEL": "WARNING",
            "SFN_WAIT_SCALE": str(self.wait_scale),
            "LOCAL_AWS_CRASHES": str(self.crashes),
            **(enforcing(self.certificate) if self.certificate else {}),
            **self.environment,
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
    """Send one request; the socket listens already, so this waits for the answer or for the end of the process.

    The answer is the gate's refusal, for nothing signs the request.
    """
    trusted = ssl.create_default_context(cafile=certificate.certificate) if certificate else None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))
    try:
        opener.open(url, timeout=START_SECONDS).close()
    except urllib.error.HTTPError as refusal:
        refusal.close()
    except OSError as error:  # URLError is one
        words = log.read_text(errors="replace").strip()[-LOG_END:]
        raise MinistackError(f"ministack did not start ({error}). Its log ends with: {words or 'nothing'}") from None
