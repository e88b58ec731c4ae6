"""ministack as a child process: loopback only, a free port, its files in one folder, gone when this process is."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from local_aws.process_guard import GuardedProcess

LOOPBACK = "127.0.0.1"
START_SECONDS = 60
CHILD = Path(__file__).with_name("ministack_child.py")


class MinistackError(Exception):
    """ministack did not start; the message is a sentence for a person."""


class MinistackProcess:
    """A running ministack; a context manager that ends it with all its Lambda workers.

    directory: an existing folder, in which it keeps a folder of its own while it runs.
    environment: AWS_* variables of the server, which its Lambda functions inherit.
    wait_scale: factor on the Wait states and retry intervals of state machines; 1 is real time, 0 never waits.
    """

    def __init__(self, directory: Path, *, environment: Mapping[str, str], wait_scale: float) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # The child inherits the bound socket: nobody can take the port between choosing and using it.
        self._listener.bind((LOOPBACK, 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self.endpoint = f"http://{LOOPBACK}:{self.port}"
        self._scratch = Path(tempfile.mkdtemp(prefix="ministack-", dir=directory.resolve()))
        self._environment = self._server_environment(environment, wait_scale)
        self._process: GuardedProcess | None = None

    def __enter__(self) -> Self:
        try:
            with self._listener, (self._scratch / "ministack.log").open("wb") as log:
                descriptor = self._listener.fileno()
                self._process = GuardedProcess(
                    [sys.executable, "-I", str(CHILD), str(descriptor)],
                    cwd=self._scratch,
                    env=self._environment,
                    output=log,
                    pass_fds=[descriptor],
                )
            self._wait_until_it_answers()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill it (its state is in memory, there is nothing to save) and remove its files; may be called twice."""
        self._listener.close()
        if self._process is not None:
            self._process.kill()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _wait_until_it_answers(self) -> None:
        """The socket listens already, so one request simply waits for the answer, or for the end of the process."""
        request = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            request.open(f"{self.endpoint}/_ministack/health", timeout=START_SECONDS).close()
        except (urllib.error.URLError, OSError) as error:
            log = (self._scratch / "ministack.log").read_text(errors="replace").strip()
            raise MinistackError(
                f"ministack did not start ({error}); its last words: {log[-2000:] or 'none'}"
            ) from None

    def _server_environment(self, environment: Mapping[str, str], wait_scale: float) -> dict[str, str]:
        """All of the server's variables; nothing of ours leaks into it or into the Lambda functions."""
        scratch = str(self._scratch)
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
            "LANG": "C.UTF-8",
            "HOME": scratch,
            "TMPDIR": scratch,
            "S3_DATA_DIR": f"{scratch}/s3",
            "STATE_DIR": f"{scratch}/state",
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": LOOPBACK,
            "MINISTACK_HOST": LOOPBACK,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": f"unix://{scratch}/no-docker",  # it would look for containers to clean up
            "LOG_LEVEL": "WARNING",
            "SFN_WAIT_SCALE": str(wait_scale),
            **environment,
        }
