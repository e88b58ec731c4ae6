"""One training job from Starting to its end: its thread runs the container's command and does what SageMaker does."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local_aws.api_errors import invalid
from local_aws.supervised_process import SupervisedProcess
from local_aws.sagemaker.errors import JobFailedError
from local_aws.sagemaker.job_directory import LONGEST_FAILURE_REASON, JobDirectory
from local_aws.sagemaker.job_ending import LAST_STATUS, EndedEarlyError, Ending
from local_aws.sagemaker.job_log import JobLog
from local_aws.sagemaker.job_services import Services
from local_aws.sagemaker.job_status import JobStatus
from local_aws.sagemaker.s3_files import Checkpoints, S3Uri, download_prefix, upload_tar
from local_aws.sagemaker.training_job_rules import CONTAINER_ROOT, DEFAULT_RUN_TIME, instance_types

logger = logging.getLogger(__name__)

CAPACITY_SECONDS = 0.05  # how often a Pending job asks for an instance
SYNC_SECONDS = 1.0  # how often the log and the checkpoints are copied while a job runs


class TrainingJob:
    """A job that runs in a thread of its own from `start` on.

    take_instance: gives the type of the instance that the job gets, None while it has to wait; raises JobFailedError.
    changed: one condition for all jobs of a server; its lock guards every change of status, and every change notifies.
    folder: where each run (each spot instance) gets a directory of its own; made here, and its path kept short.
    scratch: what is removed if this process is killed.
    stop_grace: seconds between SIGTERM and SIGKILL.
    """

    def __init__(
        self,
        request: dict[str, Any],
        *,
        arn: str,
        region: str,
        services: Services,
        take_instance: Callable[[], str | None],
        folder: Path,
        scratch: Path,
        stop_grace: float,
        changed: threading.Condition,
    ) -> None:
        self.arn = arn
        self.spot = bool(request.get("EnableManagedSpotTraining"))
        self.instance_type = instance_types(request)[0]  # what it asks for first, until it gets one
        self.tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
        self._request = request
        self._region = region
        self._services = services
        self._take_instance = take_instance
        self._folder = folder
        self._scratch = scratch
        self._stop_grace = stop_grace
        self._changed = changed
        self._status = JobStatus()
        self._has_instance = False
        self._ending: Ending | None = None
        self._failure_reason: str | None = None
        self._model: S3Uri | None = None
        self._metrics: dict[str, dict[str, Any]] = {}
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=arn, daemon=True)

    @property
    def secondary_status(self) -> str:
        """Where it is."""
        return self._status.secondary

    @property
    def ended(self) -> bool:
        """Whether its status will not change any more."""
        return self._status.ended

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """StopTrainingJob: SIGTERM, and SIGKILL after the grace period; raises ApiError if it does not run."""
        with self._changed:
            if self._status.primary != "InProgress":
                raise invalid(f"The request was rejected because the training job is in status {self._status.primary}.")
            self._end(Ending.STOPPED)

    def interrupt(self) -> None:
        """Take the spot instance away: SIGTERM, grace period, and the job begins anew with its checkpoints.

        Returns at once. Raises ValueError if the job is not a managed-spot job that is training.
        """
        with self._changed:
            if not self.spot or self._status.secondary != "Training":
                raise ValueError(f"{self.arn} is not a managed-spot job that is training.")
            self._end(Ending.INTERRUPTED)

    def close(self) -> None:
        """Kill it and wait until it is gone; nothing is uploaded any more."""
        with self._changed:
            if not self._status.ended:
                self._end(Ending.SERVER_CLOSED)
        self._thread.join(timeout=10)

    def describe(self) -> dict[str, Any]:
        """The answer to DescribeTrainingJob; times are datetimes."""
        echoed = {name: value for name, value in self._request.items() if name not in ("Tags", "ResourceConfig")}
        resources = dict(self._request["ResourceConfig"])
        with self._changed:
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
                "FinalMetricDataList": list(self._metrics.values()),
                **self._status.describe(),
            }

    def _run(self) -> None:
        """The job's thread."""
        number = 0
        try:
            while not self._status.ended and self._ending is not Ending.SERVER_CLOSED:
                number += 1
                with JobDirectory(self._folder / str(number)) as directory:
                    self._run_on_one_instance(directory)
        except JobFailedError as failure:
            self._fail(str(failure))
        except ClientError as refusal:  # the job's role may not do it
            self._fail(f"ClientError: {refusal}")
        except Exception as error:  # a bug here must not look like a job that runs for ever
            logger.exception("%s: internal error", self.arn)
            self._fail(f"InternalServerError: {type(error).__name__}: {error}")

    def _run_on_one_instance(self, directory: JobDirectory) -> None:
        """From Starting to the end of the job, or to an interruption, after which the job has to run again."""
        try:
            exit_code = self._train(directory)
        except EndedEarlyError:
            exit_code = 0
        with self._changed:
            ending = self._ending
            if ending is Ending.SERVER_CLOSED:
                return
            if ending is Ending.INTERRUPTED:
                self._ending = None
                self._enter("Interrupted")
                self._enter("Starting", "Launching requested ML instances")
                return
            self._enter("Uploading")
        self._upload(directory)
        with self._changed:
            # A stop that came after the command's own end is a stop too.
            if self._ending in LAST_STATUS:
                self._enter(LAST_STATUS[self._ending])
            elif exit_code != 0:
                self._fail(directory.failure_reason(exit_code))
            else:
                self._enter("Completed")

    def _train(self, directory: JobDirectory) -> int:
        """Prepare the directory, run the command to its end, return its exit code."""
        self._wait_for_instance()
        self._go_on("Downloading")
        directory.write_config(self._request, self.instance_type)
        for channel in self._request.get("InputDataConfig", []):
            folder = directory.channel(channel["ChannelName"])
            folder.mkdir(parents=True)
            download_prefix(self._services.s3, S3Uri.parse(channel["DataSource"]["S3DataSource"]["S3Uri"]), folder)
        checkpoints = self._checkpoints(directory)
        if checkpoints:
            checkpoints.restore()
        self._go_on("Training")
        log = JobLog(
            self._services.logs,
            self._services.cloudwatch,
            job_name=self._request["TrainingJobName"],
            definitions=self._request["AlgorithmSpecification"].get("MetricDefinitions", []),
        )
        process = SupervisedProcess(
            directory.command(self._request["AlgorithmSpecification"]),
            cwd=directory.root.parent.parent,
            env=directory.environment(self._request, arn=self.arn, region=self._region),
            output=subprocess.PIPE,
            scratch=self._scratch,
        )
        arguments = [process.output or (), directory.as_in_container, self._wake.set]
        threading.Thread(target=log.read, args=arguments, daemon=True).start()
        try:
            return self._supervise(process, log, checkpoints)
        finally:
            process.kill()
            self._metrics |= log.last_values

    def _wait_for_instance(self) -> None:
        """Take an instance, Pending while there is none; raises JobFailedError or EndedEarlyError."""
        while (instance_type := self._take_instance()) is None:
            if self._status.secondary != "Pending":
                self._go_on("Pending")
            if self._due_ending() is not None:
                raise EndedEarlyError
            self._wake.wait(CAPACITY_SECONDS)
            self._wake.clear()
        with self._changed:
            self.instance_type, self._has_instance = instance_type, True

    def _checkpoints(self, directory: JobDirectory) -> Checkpoints | None:
        config = self._request.get("CheckpointConfig")
        if config is None:
            return None
        folder = directory.local(config.get("LocalPath", f"{CONTAINER_ROOT}/checkpoints"))
        return Checkpoints(self._services.s3, S3Uri.parse(config["S3Uri"]), folder)

    def _supervise(self, process: SupervisedProcess, log: JobLog, checkpoints: Checkpoints | None) -> int:
        """Watch the process until its output ends, which it does when the last process of the job has ended."""
        kill_at: float | None = None
        while not log.ended.is_set():
            ending = self._due_ending()
            if ending is Ending.SERVER_CLOSED or (kill_at is not None and time.monotonic() >= kill_at):
                process.kill()
            elif ending is not None and kill_at is None:
                process.terminate()
                kill_at = time.monotonic() + self._stop_grace
            self._sync(log, checkpoints)
            patience = min(SYNC_SECONDS, kill_at - time.monotonic()) if kill_at is not None else SYNC_SECONDS
            self._wake.wait(max(patience, 0.0))
            self._wake.clear()
        if self._ending is not Ending.SERVER_CLOSED:
            self._sync(log, checkpoints)
        return process.wait()

    def _sync(self, log: JobLog, checkpoints: Checkpoints | None) -> None:
        log.flush()
        if checkpoints:
            checkpoints.upload_changes()

    def _due_ending(self) -> Ending | None:
        """Why the command has to end now, if it has to."""
        condition = self._request.get("StoppingCondition", {})
        with self._changed:
            if self._ending is None:
                if self._status.run_seconds() >= condition.get("MaxRuntimeInSeconds", DEFAULT_RUN_TIME):
                    self._end(Ending.MAX_RUNTIME_EXCEEDED)
                elif self._status.total_seconds() >= condition.get("MaxWaitTimeInSeconds", float("inf")):
                    self._end(Ending.MAX_WAIT_TIME_EXCEEDED)
                elif self._status.pending_seconds() >= condition.get("MaxPendingTimeInSeconds", float("inf")):
                    self._end(Ending.STOPPED)
            return self._ending

    def _upload(self, directory: JobDirectory) -> None:
        artifacts = S3Uri.parse(self._request["OutputDataConfig"]["S3OutputPath"]).under(
            self._request["TrainingJobName"], "output"
        )
        model = artifacts.under("model.tar.gz")
        if upload_tar(self._services.s3, directory.model, model):
            self._model = model
        upload_tar(self._services.s3, directory.output_data, artifacts.under("output.tar.gz"))

    def _end(self, ending: Ending) -> None:
        """Have the thread end the command; the caller holds the lock."""
        self._ending = ending
        if ending in LAST_STATUS:
            self._enter("Stopping")
        self._wake.set()

    def _go_on(self, status: str) -> None:
        """Enter the next status, unless the job is to end."""
        with self._changed:
            if self._ending is not None:
                raise EndedEarlyError
            self._enter(status)

    def _fail(self, reason: str) -> None:
        with self._changed:
            self._failure_reason = reason[:LONGEST_FAILURE_REASON]
            self._enter("Failed")

    def _enter(self, status: str, message: str | None = None) -> None:
        """Change the status; the caller holds the lock."""
        self._status.enter(status, message)
        self._changed.notify_all()
