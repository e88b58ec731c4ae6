"""One training job from Starting to its end: its thread runs the container's command in place of an instance."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local_aws.api_errors import invalid
from local_aws.faults import Faults
from local_aws.sagemaker.errors import JobFailedError, StoppedBeforeTrainingError
from local_aws.sagemaker.job_clients import JobClients
from local_aws.sagemaker.job_directory import LONGEST_FAILURE_REASON, JobDirectory
from local_aws.sagemaker.job_log import JobLog
from local_aws.sagemaker.job_status import JobStatus
from local_aws.sagemaker.s3_transfer import CheckpointSync, S3Uri, download_prefix, upload_tar
from local_aws.sagemaker.stop_reason import StopReason
from local_aws.sagemaker.training_job_rules import CONTAINER_ROOT, DEFAULT_RUN_TIME, instance_types
from local_aws.supervised_process import SupervisedProcess

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
    """Where each attempt (each spot instance) gets a directory of its own; made here, and its path kept short."""
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
                resources |= {"SelectedInstanceType": self.instance_type, "SelectedInstanceCount": 1}
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
                with JobDirectory(self.folder / str(number)) as directory:
                    self._run_on_one_instance(directory)
        except JobFailedError as failure:
            self._fail(str(failure))
        except ClientError as refusal:  # the job's role may not do it
            self._fail(f"ClientError: {refusal}")
        except Exception as error:  # a bug here must not look like a job that never ends
            logger.exception("%s: internal error", self.arn)
            self._fail(f"InternalServerError: {type(error).__name__}: {error}")

    def _run_on_one_instance(self, directory: JobDirectory) -> None:
        """From Starting to the end of the job, or to an interruption, after which the job has to run again."""
        try:
            exit_code = self._train(directory)
            completes = exit_code == 0
        except StoppedBeforeTrainingError:
            exit_code, completes = 0, False
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
        self._upload(directory)
        with self.changed:
            # A stop that came after the command's own end is a stop too.
            if self._stop_reason is not None and self._stop_reason.ends_job:
                self._enter(self._stop_reason.value)
            elif exit_code != 0:
                self._fail(directory.failure_reason(exit_code))
            else:
                self._enter("Completed")

    def _train(self, directory: JobDirectory) -> int:
        """Prepare the directory, run the command to its end, return the exit code."""
        self._wait_for_instance()
        for status in ("LaunchingMLInstances", "PreparingTrainingStack"):
            self._pass_through(status)
        self._go_on("Downloading")
        self._stay(self.faults.start_seconds("Downloading"))
        directory.write_config(self.request)
        for channel in self.request.get("InputDataConfig", []):
            folder = directory.channel(channel["ChannelName"])
            folder.mkdir(parents=True)
            download_prefix(self.clients.s3, S3Uri.parse(channel["DataSource"]["S3DataSource"]["S3Uri"]), folder)
        checkpoints = self._checkpoints(directory)
        if checkpoints:
            checkpoints.restore()
        self._pass_through("DownloadingTrainingImage")
        self._go_on("Training")
        self._stay(self.faults.start_seconds("Training"))
        log = JobLog(
            self.clients,
            job_name=self.request["TrainingJobName"],
            definitions=self.request["AlgorithmSpecification"].get("MetricDefinitions", []),
        )
        process = SupervisedProcess(
            directory.command(self.request["AlgorithmSpecification"]),
            cwd=directory.root.parent.parent,
            env=directory.environment(self.request, arn=self.arn, region=self.region),
            output=subprocess.PIPE,
            scratch=self.scratch,
        )
        arguments = [process.output or (), directory.as_in_container, self._wake.set]
        threading.Thread(target=log.read, args=arguments, daemon=True).start()
        try:
            return self._supervise(process, log, checkpoints)
        finally:
            process.kill()

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

    def _checkpoints(self, directory: JobDirectory) -> CheckpointSync | None:
        config = self.request.get("CheckpointConfig")
        if config is None:
            return None
        folder = directory.local(config.get("LocalPath", f"{CONTAINER_ROOT}/checkpoints"))
        return CheckpointSync(self.clients.s3, S3Uri.parse(config["S3Uri"]), folder)

    def _supervise(self, process: SupervisedProcess, log: JobLog, checkpoints: CheckpointSync | None) -> int:
        """Watch the process until its output ends, which it does when the last process of the job has ended."""
        kill_at: float | None = None
        is_cut_off = False
        while not log.ended.is_set():
            reason = self._due_stop()
            if reason is StopReason.SERVER_CLOSED or (kill_at is not None and time.monotonic() >= kill_at):
                process.kill()
            elif reason is not None and kill_at is None:
                process.terminate()
                kill_at = time.monotonic() + self.stop_grace
                is_cut_off = checkpoints is not None and self.faults.cuts_last_upload()
            self._sync(log, None if is_cut_off else checkpoints)
            wait_seconds = min(SYNC_SECONDS, kill_at - time.monotonic()) if kill_at is not None else SYNC_SECONDS
            self._wake.wait(max(wait_seconds, 0.0))
            self._wake.clear()
        if self._stop_reason is not StopReason.SERVER_CLOSED:
            self._sync(log, None if is_cut_off else checkpoints)
            if checkpoints and is_cut_off:
                checkpoints.upload_cut_off()
        return process.wait()

    def _sync(self, log: JobLog, checkpoints: CheckpointSync | None) -> None:
        log.flush()
        if checkpoints:
            checkpoints.upload_changes()

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

    def _upload(self, directory: JobDirectory) -> None:
        artifacts = S3Uri.parse(self.request["OutputDataConfig"]["S3OutputPath"]).under(
            self.request["TrainingJobName"], "output"
        )
        model = artifacts.under("model.tar.gz")
        if upload_tar(self.clients.s3, directory.model, model):
            self._model = model
        upload_tar(self.clients.s3, directory.output_data, artifacts.under("output.tar.gz"))

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
