"""One training job from Starting to its end: its thread runs the container's command in place of each instance."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local_aws.api_errors import invalid
from local_aws.faults import Faults
from local_aws.sagemaker.errors import JobFailedError, StoppedBeforeTrainingError
from local_aws.sagemaker.host import Host
from local_aws.sagemaker.job_clients import JobClients
from local_aws.sagemaker.job_directory import LONGEST_FAILURE_REASON, JobDirectory, failure_reason
from local_aws.sagemaker.job_status import JobStatus
from local_aws.sagemaker.s3_transfer import S3Uri, upload_tar
from local_aws.sagemaker.stop_reason import StopReason
from local_aws.sagemaker.training_job_rules import DEFAULT_RUN_TIME, instance_count, instance_types

logger = logging.getLogger(__name__)

CAPACITY_SECONDS = 0.05  # how often a Pending job asks for an instance
SYNC_SECONDS = 1.0  # how often the log and the checkpoints are copied while a job runs


@dataclass(kw_only=True, eq=False)
class LocalTrainingJob:
    """A job that runs in a thread of its own from `start` on."""

    request: dict[str, Any]
    arn: str
    region: str
    clients: JobClients
    take_instance: Callable[[], str | None]
    """Returns the type of the instance that the job gets, None while it has to wait; raises JobFailedError."""
    faults: Faults
    folder: Path
    """Where each host of each attempt (each spot instance) gets a directory; made here, and its path kept short."""
    scratch: Path
    """What is removed if this process is killed."""
    stop_grace: float
    """Seconds between SIGTERM and SIGKILL."""
    changed: threading.Condition
    """One for all jobs of a server; its lock guards every change of status, and every change notifies."""

    def __post_init__(self) -> None:
        self.spot = bool(self.request.get("EnableManagedSpotTraining"))
        self.instance_type = instance_types(self.request)[0]  # what it asks for first, until it gets one
        self.tags = self.request.get("Tags", [])
        self.status = JobStatus()
        self._has_instance = False
        self._hosts: list[Host] = []
        self._stop_reason: StopReason | None = None
        self._failure_reason: str | None = None
        self._model: S3Uri | None = None
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.arn, daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """StopTrainingJob: SIGTERM, and SIGKILL after the grace period; raises ApiError if it is not running."""
        with self.changed:
            if self.status.primary != "InProgress":
                raise invalid(f"The request was rejected because the training job is in status {self.status.primary}.")
            self._request_stop(StopReason.STOPPED)

    def interrupt(self) -> None:
        """Take the spot instance away; see TrainingJobs.interrupt."""
        with self.changed:
            if not self.spot or self.status.secondary != "Training":
                raise ValueError(f"{self.arn} is not a managed-spot job that is training.")
            self._request_stop(StopReason.INTERRUPTED)

    def lose_host(self, name: str) -> None:
        """Let one host die; see TrainingJobs.lose_host."""
        with self.changed:
            hosts = [host for host in self._hosts if host.name == name and host.has_started]
            if self.status.secondary != "Training" or not hosts:
                raise ValueError(f"{self.arn} is not training on {name}.")
        hosts[0].kill()

    def close(self) -> None:
        """Kill it and wait until it has ended; nothing more is uploaded."""
        with self.changed:
            if not self.status.ended:
                self._request_stop(StopReason.SERVER_CLOSED)
        self._thread.join(timeout=10)

    def describe(self) -> dict[str, Any]:
        """The answer to DescribeTrainingJob; times are datetimes."""
        echoed = {name: value for name, value in self.request.items() if name not in ("Tags", "ResourceConfig")}
        resources = dict(self.request["ResourceConfig"])
        with self.changed:
            if "InstancePreferences" in resources and self._has_instance:
                resources |= {
                    "SelectedInstanceType": self.instance_type,
                    "SelectedInstanceCount": instance_count(self.request),
                }
            return {
                "EnableNetworkIsolation": False,
                "EnableInterContainerTrafficEncryption": False,
                "EnableManagedSpotTraining": False,
                "StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_RUN_TIME},
                **echoed,
                "ResourceConfig": resources,
                "TrainingJobArn": self.arn,
                **({"FailureReason": self._failure_reason} if self._failure_reason else {}),
                **({"ModelArtifacts": {"S3ModelArtifacts": str(self._model)}} if self._model else {}),
                **self.status.describe(),
            }

    def _run(self) -> None:
        """The job's thread."""
        number = 0
        try:
            while not self.status.ended and self._stop_reason is not StopReason.SERVER_CLOSED:
                number += 1
                self._hosts = []
                with ExitStack() as folders:
                    for rank in range(instance_count(self.request)):
                        directory = folders.enter_context(JobDirectory(self.folder / f"{number}-{rank}"))
                        self._hosts.append(Host(f"algo-{rank + 1}", directory, self.request, self.clients))
                    self._run_once(self._hosts)
        except JobFailedError as failure:
            self._fail(str(failure))
        except ClientError as refusal:  # the job's role may not do it
            self._fail(f"ClientError: {refusal}")
        except Exception as error:  # a bug here must not look like a job that never ends
            logger.exception("%s: internal error", self.arn)
            self._fail(f"InternalServerError: {type(error).__name__}: {error}")

    def _run_once(self, hosts: Sequence[Host]) -> None:
        """From Starting to the end of the job, or to an interruption, after which the job has to run again."""
        failed: Host | None = None
        try:
            failed = self._train(hosts)
            completes = failed is None
        except StoppedBeforeTrainingError:
            completes = False
        with self.changed:
            reason = self._stop_reason
            if reason is StopReason.SERVER_CLOSED:
                return
            if reason is StopReason.INTERRUPTED:
                self._stop_reason = None
                if not (completes and self.faults.completes_when_interrupted()):
                    self._enter("Interrupted")
                    self._enter("Starting")
                    return
            self._enter("Uploading")
        self._upload(hosts)
        with self.changed:
            # A stop that came after the command's own end is a stop too.
            if self._stop_reason is not None and self._stop_reason.ends_job:
                self._enter(self._stop_reason.value)
            elif failed is not None:
                # Whose reason of several SageMaker takes is not documented: here that of the first one that has any.
                written = [each.directory.failure for each in (failed, *hosts)]
                self._fail(failure_reason(next(filter(None, written), ""), failed.exit_code))
            else:
                self._enter("Completed")

    def _train(self, hosts: Sequence[Host]) -> Host | None:
        """Prepare the hosts and run the command to its end; the host that failed first."""
        self._wait_for_instance()
        self._pass_through("LaunchingMLInstances")
        self._pass_through("PreparingTrainingStack")
        self._go_on("Downloading")
        self._stay(self.faults.start_seconds("Downloading"))
        for host in hosts:
            host.prepare([each.name for each in hosts])
        self._pass_through("DownloadingTrainingImage")
        self._go_on("Training")
        self._stay(self.faults.start_seconds("Training"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        try:
            for host in hosts:
                environment = host.directory.environment(self.request, arn=self.arn, region=self.region, port=port)
                host.start(environment, scratch=self.scratch, when_ended=self._wake.set)
            return self._supervise(hosts)
        finally:
            for host in hosts:
                host.kill()

    def _pass_through(self, status: str) -> None:
        """Show a status on the way to Training, if a test wants it."""
        if (seconds := self.faults.start_seconds(status)) is not None:
            self._go_on(status)
            self._stay(seconds)

    def _stay(self, seconds: float | None) -> None:
        """Let the time pass; raises StoppedBeforeTrainingError."""
        until = time.monotonic() + (seconds or 0)
        while (left := until - time.monotonic()) > 0:
            if self._due_stop() is not None:
                raise StoppedBeforeTrainingError
            self._wake.wait(min(left, SYNC_SECONDS))
            self._wake.clear()

    def _wait_for_instance(self) -> None:
        """Take an instance, Pending while there is none; raises JobFailedError or StoppedBeforeTrainingError."""
        while (instance_type := self.take_instance()) is None:
            if self.status.secondary != "Pending":
                self._go_on("Pending")
            if self._due_stop() is not None:
                raise StoppedBeforeTrainingError
            self._wake.wait(CAPACITY_SECONDS)
            self._wake.clear()
        with self.changed:
            self.instance_type, self._has_instance = instance_type, True

    def _supervise(self, hosts: Sequence[Host]) -> Host | None:
        """Watch the hosts until all have ended: if one fails, the others have to end. The one that failed first."""
        kill_at: float | None = None
        failed: Host | None = None
        is_cut_off = False
        while not all(host.has_ended for host in hosts):
            reason = self._due_stop()
            failed = failed or next((host for host in hosts if host.has_failed), None)
            if reason is StopReason.SERVER_CLOSED or (kill_at is not None and time.monotonic() >= kill_at):
                for host in hosts:
                    host.kill()
            elif (reason is not None or failed is not None) and kill_at is None:
                for host in hosts:
                    host.terminate()
                kill_at = time.monotonic() + self.stop_grace
                is_cut_off = "CheckpointConfig" in self.request and self.faults.cuts_last_upload()
            for host in hosts:
                host.sync(checkpoints=not is_cut_off)
            wait_seconds = min(SYNC_SECONDS, kill_at - time.monotonic()) if kill_at is not None else SYNC_SECONDS
            self._wake.wait(max(wait_seconds, 0.0))
            self._wake.clear()
        if self._stop_reason is not StopReason.SERVER_CLOSED:
            for host in hosts:
                host.sync(checkpoints=not is_cut_off)
                if is_cut_off:
                    host.upload_cut_off()
        return failed or next((host for host in hosts if host.has_failed), None)

    def _due_stop(self) -> StopReason | None:
        """Why the command has to end now, if it has to."""
        condition = self.request.get("StoppingCondition", {})
        with self.changed:
            if self._stop_reason is None:
                if self.status.run_seconds() >= condition.get("MaxRuntimeInSeconds", DEFAULT_RUN_TIME):
                    self._request_stop(StopReason.MAX_RUNTIME_EXCEEDED)
                elif self.status.total_seconds() >= condition.get("MaxWaitTimeInSeconds", float("inf")):
                    self._request_stop(StopReason.MAX_WAIT_TIME_EXCEEDED)
                elif self.status.pending_seconds() >= condition.get("MaxPendingTimeInSeconds", float("inf")):
                    self._request_stop(StopReason.STOPPED)
            return self._stop_reason

    def _upload(self, hosts: Sequence[Host]) -> None:
        artifacts = S3Uri.parse(self.request["OutputDataConfig"]["S3OutputPath"]).under(
            self.request["TrainingJobName"], "output"
        )
        model = artifacts.under("model.tar.gz")
        folders = [host.directory for host in hosts]
        if upload_tar(self.clients.s3, [each.model for each in folders], model):
            self._model = model
        upload_tar(self.clients.s3, [each.output_data for each in folders], artifacts.under("output.tar.gz"))

    def _request_stop(self, reason: StopReason) -> None:
        """Have the thread end the command; the caller holds the lock."""
        self._stop_reason = reason
        if reason.ends_job:
            self._enter("Stopping")
        self._wake.set()

    def _go_on(self, status: str) -> None:
        """Enter the next status, unless the job is to end."""
        with self.changed:
            if self._stop_reason is not None:
                raise StoppedBeforeTrainingError
            self._enter(status)

    def _fail(self, reason: str) -> None:
        with self.changed:
            self._failure_reason = reason[:LONGEST_FAILURE_REASON]
            self._enter("Failed")

    def _enter(self, status: str) -> None:
        """Change the status; the caller holds the lock."""
        self.status.enter(status)
        self.changed.notify_all()
