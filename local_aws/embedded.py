"""The embedded AWS as one context manager: starts, connects and ends ministack and the services beside it."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import ExitStack
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Self

from local_aws.aws_json import LOOPBACK, AwsJsonServer
from local_aws.certificate import make_certificate
from local_aws.clients import client
from local_aws.faults import Faults
from local_aws.gate import random_credentials
from local_aws.iam_authorizer import IamAuthorizer
from local_aws.image_registry import ImageRegistry
from local_aws.ministack_process import MinistackError, MinistackProcess
from local_aws.ministack_questions import MinistackQuestions
from local_aws.pricing import PriceList
from local_aws.sagemaker.model_registry import ModelRegistry
from local_aws.sagemaker.service import SageMaker
from local_aws.sagemaker.training_jobs import TrainingJobs
from local_aws.service_quotas import ServiceQuotas

REGION = "us-east-1"
# As the SDKs name them in their variables.
BESIDE_MINISTACK = ("ECR", "SAGEMAKER", "PRICING", "SERVICE_QUOTAS")
# In a job's shell entrypoint /opt/ml becomes a path in the directory, without quotes. And a job may make sockets in its
# TMPDIR (multiprocessing does), whose paths have at most 107 bytes.
FIT_FOR_A_SHELL = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
LONGEST_FOR_SOCKETS = 48


@dataclass
class EmbeddedAws:
    """An AWS account on this machine's loopback, empty at first and removed at the end, whatever ends this process.

    In its context `environment` holds the AWS_* variables with which any AWS SDK, tool or subprocess reaches it (and
    those that keep proxies away from the loopback); do not mix them with the process's own AWS settings.
    `training_jobs`, `service_quotas` and `faults` let a test do what only AWS can: interrupt a job, set a quota,
    refuse a call.
    """

    directory: Path
    """Where its files are while it runs, in a folder of its own; made when missing. The system's folder for temporary
    files is used instead if the path is too long or needs quoting in a shell; that one must not need it."""
    _: KW_ONLY
    wait_scale: float = 1.0
    """Factor on the waits of state machines: 1 is real time, 0 never waits."""
    stop_grace: float = 120.0
    """Seconds between SIGTERM and SIGKILL for a training job; AWS gives 120."""
    enforce_iam: bool = False
    """Whether Lambda functions, training jobs, state machines and other callers with a role need the permissions of
    roles and policies; `environment` has the root user's credentials. Needs the command openssl."""

    def __post_init__(self) -> None:
        self.environment: dict[str, str]
        self.training_jobs: TrainingJobs
        self.service_quotas: ServiceQuotas
        self.faults: Faults
        self._ministack: MinistackProcess
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Raises MinistackError if it cannot start, or has no folder for its files."""
        with ExitStack() as stack:
            scratch = Path(stack.enter_context(self._folder()))
            # Each must know the other's address before it starts, so the server beside ministack binds its port first.
            server = AwsJsonServer()
            stack.callback(server.close)
            environment = sdk_environment() | {f"AWS_ENDPOINT_URL_{name}": server.endpoint for name in BESIDE_MINISTACK}
            certificate = make_certificate(scratch, LOOPBACK) if self.enforce_iam else None
            self._ministack = ministack = stack.enter_context(
                MinistackProcess(
                    folder=scratch / "ministack",
                    scratch=scratch,
                    environment=environment,
                    wait_scale=self.wait_scale,
                    certificate=certificate,
                )
            )
            self.environment = environment | {"AWS_ENDPOINT_URL": ministack.endpoint}
            if certificate:
                # For the SDKs, for other Pythons, and for the CDK's Node.
                bundle = dict.fromkeys(("AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"), str(certificate.certificate))
                self.environment |= bundle
            self._start_services(server, scratch)
            stack.callback(self.training_jobs.close)  # jobs end before the services that they use
            self._open = stack.pop_all()
        return self

    def _folder(self) -> tempfile.TemporaryDirectory[str]:
        """A new folder, with those of ministack and the jobs in it."""
        parent = str(self.directory.resolve())
        is_fit = FIT_FOR_A_SHELL.fullmatch(parent) and len(parent) <= LONGEST_FOR_SOCKETS
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            place = parent if is_fit else tempfile.gettempdir()
            if not FIT_FOR_A_SHELL.fullmatch(place):
                raise MinistackError(
                    f"The embedded AWS has no folder for its files: neither {parent} (too long, or a shell had to "
                    f"quote it) nor {place}: set TMPDIR to a path without spaces and the like, such as /tmp."
                )
            folder = tempfile.TemporaryDirectory(prefix="aws-", dir=place, ignore_cleanup_errors=True)
            for name in ("ministack", "jobs"):
                (Path(folder.name) / name).mkdir()
        except OSError as error:
            raise MinistackError(
                f"The embedded AWS cannot write its files to {error.filename or parent}: {error.strerror}. It needs a "
                "checkout that you may write to, with room on its disk."
            ) from None
        return folder

    def _start_services(self, server: AwsJsonServer, scratch: Path) -> None:
        """Start the services beside ministack."""
        region = self.environment["AWS_REGION"]
        account = client(self.environment, "sts").get_caller_identity()["Account"]
        iam = IamAuthorizer(self.environment)
        questions = MinistackQuestions(self.environment)
        self.faults = Faults(self._ministack.crashes, switch=lambda changes: questions.ask("faults", changes))
        self.service_quotas = ServiceQuotas()
        self.training_jobs = TrainingJobs(
            environment=self.environment,
            account=account,
            quotas=self.service_quotas,
            faults=self.faults,
            role_credentials=iam.role_credentials if self.enforce_iam else None,
            folder=scratch / "jobs",
            scratch=scratch,
            stop_grace=self.stop_grace,
        )
        sagemaker = SageMaker(self.training_jobs, ModelRegistry(region=region, account=account))
        server.start(
            [sagemaker, ImageRegistry(region), PriceList(region), self.service_quotas],
            before=self.faults.raise_if_due,
            secret_of=iam.secret_of,
            authorize=iam.authorize if self.enforce_iam else None,
        )

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self) -> int:
        """Block until ministack ends by itself, which is an error; return its exit code."""
        return self._ministack.wait()

    def close(self) -> None:
        """End every job, then the services; may be called twice."""
        self._open.close()


def sdk_environment() -> dict[str, str]:
    """What an AWS SDK needs besides endpoints, with new keys, and what keeps the person's own settings out of it."""
    hosts = [host for host in (os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), LOOPBACK) if host]
    return {
        **random_credentials(),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "no_proxy": ",".join(hosts),
        "NO_PROXY": ",".join(hosts),
    }
