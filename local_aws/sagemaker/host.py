"""One of the machines that a training job runs on: its container's directory, process, log and checkpoints."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_aws.sagemaker.job_clients import JobClients
from local_aws.sagemaker.job_directory import JobDirectory
from local_aws.sagemaker.job_log import JobLog
from local_aws.sagemaker.s3_transfer import CheckpointSync, S3Uri, download_prefix
from local_aws.sagemaker.training_job_rules import CONTAINER_ROOT
from local_aws.supervised_process import SupervisedProcess


@dataclass(eq=False)
class Host:
    """A process here in place of an instance."""

    name: str
    directory: JobDirectory
    request: Mapping[str, Any]
    clients: JobClients
    _process: SupervisedProcess | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._log = JobLog(
            self.clients,
            job_name=self.request["TrainingJobName"],
            host=self.name,
            definitions=self.request["AlgorithmSpecification"].get("MetricDefinitions", []),
        )
        config = self.request.get("CheckpointConfig")
        self._checkpoints: CheckpointSync | None = None
        if config is not None:
            folder = self.directory.local(config.get("LocalPath", f"{CONTAINER_ROOT}/checkpoints"))
            self._checkpoints = CheckpointSync(self.clients.s3, S3Uri.parse(config["S3Uri"]), folder)

    @property
    def has_started(self) -> bool:
        """Whether the command was started."""
        return self._process is not None

    @property
    def has_ended(self) -> bool:
        """Whether the last process of the command has ended, and with it the output."""
        return self._log.ended.is_set()

    @property
    def has_failed(self) -> bool:
        """Whether the command has ended, and with another exit code than 0."""
        return self.has_ended and self.exit_code != 0

    @property
    def exit_code(self) -> int:
        """Of the command, once it has ended; 0 if it was never started."""
        return self._process.wait() if self._process else 0

    def prepare(self, hosts: list[str]) -> None:
        """Write the configuration, and copy channels and checkpoints from S3. Raises JobFailedError."""
        self.directory.write_config(self.request, host=self.name, hosts=hosts)
        for channel in self.request.get("InputDataConfig", []):
            folder = self.directory.channel(channel["ChannelName"])
            folder.mkdir(parents=True)
            download_prefix(self.clients.s3, S3Uri.parse(channel["DataSource"]["S3DataSource"]["S3Uri"]), folder)
        if self._checkpoints:
            self._checkpoints.restore()

    def start(self, environment: Mapping[str, str], *, scratch: Path, when_ended: Callable[[], None]) -> None:
        """Start the container's command; `scratch` is removed if this program is killed."""
        self._process = process = SupervisedProcess(
            self.directory.command(self.request["AlgorithmSpecification"]),
            cwd=self.directory.root.parent.parent,
            env=environment,
            output=subprocess.PIPE,
            scratch=scratch,
        )
        arguments = [process.output or (), self.directory.as_in_container, when_ended]
        threading.Thread(target=self._log.read, args=arguments, daemon=True).start()

    def terminate(self) -> None:
        """Send SIGTERM to the command, if it still runs."""
        if self._process and not self.has_ended:
            self._process.terminate()

    def kill(self) -> None:
        """SIGKILL the command and all its descendants; may be called twice."""
        if self._process:
            self._process.kill()

    def sync(self, *, checkpoints: bool) -> None:
        """Send the log, and copy the changes of the checkpoints if told so."""
        self._log.flush()
        if self._checkpoints and checkpoints:
            self._checkpoints.upload_changes()

    def upload_cut_off(self) -> None:
        """Copy half of the first changed file of the checkpoints, and nothing else."""
        if self._checkpoints:
            self._checkpoints.upload_cut_off()
