"""The embedded AWS as one context manager: ministack and the SageMaker server, started, wired together, and ended."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from local_aws.ministack_process import LOOPBACK, MinistackProcess
from local_aws.sagemaker.server import SageMakerServer

REGION = "us-east-1"
# Entrypoints of jobs are often shell scripts, in which /opt/ml becomes a path in the directory, without quotes around
# it. And what a job makes in its TMPDIR may be sockets (multiprocessing's are), whose paths have at most 107 bytes.
FIT_FOR_JOBS = re.compile(r"[\w@%+=:,./-]{1,48}", re.ASCII)


class EmbeddedAws:
    """An AWS account on this machine's loopback, empty at first and gone at the end, whatever ends this process.

    directory: where its files live while it runs, in a folder of its own; made when missing. The system's folder for
        temporary files takes its place if the path is too long or would need quoting in a shell.
    wait_scale: factor on the waits of state machines (1 is real time, 0 never waits).
    stop_grace: seconds between SIGTERM and SIGKILL for a training job; AWS gives 120.

    `environment` holds the AWS_* variables (and those that keep proxies away from the loopback) with which any
    AWS SDK, tool or subprocess reaches it; none of the process's own AWS settings may be mixed with them.
    """

    def __init__(self, directory: Path, *, wait_scale: float = 1.0, stop_grace: float = 120.0) -> None:
        self._directory = directory
        self._wait_scale = wait_scale
        self._stop_grace = stop_grace
        self._open = ExitStack()
        self.environment: dict[str, str] = {}
        self.sagemaker: SageMakerServer
        self._ministack: MinistackProcess

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        parent = str(self._directory.resolve())
        with ExitStack() as stack:
            scratch = Path(
                stack.enter_context(
                    tempfile.TemporaryDirectory(
                        prefix="aws-",
                        dir=parent if FIT_FOR_JOBS.fullmatch(parent) else None,
                        ignore_cleanup_errors=True,
                    )
                )
            )
            for folder in ("ministack", "jobs"):
                (scratch / folder).mkdir()
            # Each needs to know the other's address before it starts, so the SageMaker server binds its port first.
            self.sagemaker = SageMakerServer(scratch / "jobs", scratch=scratch, stop_grace=self._stop_grace)
            environment = sdk_environment() | {"AWS_ENDPOINT_URL_SAGEMAKER": self.sagemaker.endpoint}
            stack.callback(self.sagemaker.close)  # if ministack does not start
            self._ministack = ministack = stack.enter_context(
                MinistackProcess(
                    scratch / "ministack", scratch=scratch, environment=environment, wait_scale=self._wait_scale
                )
            )
            self.environment = environment | {"AWS_ENDPOINT_URL": ministack.endpoint}
            stack.callback(self.sagemaker.close)  # else: jobs end before the services that they use
            self.sagemaker.start(self.environment)
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def wait(self) -> int:
        """Block until ministack ends by itself, which it never should; return its exit code."""
        return self._ministack.wait()

    def close(self) -> None:
        """End every job, then the services; may be called twice."""
        self._open.close()


def sdk_environment() -> dict[str, str]:
    """What an AWS SDK needs besides endpoints, and what keeps the person's own AWS settings out of it."""
    hosts = [host for host in (os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), LOOPBACK) if host]
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "no_proxy": ",".join(hosts),
        "NO_PROXY": ",".join(hosts),
    }
