"""The /opt/ml of a host in one attempt of a job, as SageMaker lays it out, and what its container sees."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from local_aws.ministack_process import CONTAINER_PYTHON
from local_aws.sagemaker.training_job_rules import CONTAINER_ROOT

LOOPBACK_INTERFACE = "lo0" if sys.platform == "darwin" else "lo"
"""Which several hosts have in common."""
THIS_MACHINE = "local"
"""The instance type that SageMaker's own local mode has."""
LONGEST_FAILURE_REASON = 1024
# /opt/ml itself or a path below it, not /opt/mlflow.
CONTAINER_PATH = re.compile(rf"{CONTAINER_ROOT}(?![\w-])")


class JobDirectory:
    """A folder that stands for the container's file system; a context manager that removes it.

    `root` is what the job knows as /opt/ml; SAGEMAKER_BASE_DIR tells it, as it does to SageMaker's own toolkit.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root = folder / "opt" / "ml"
        self.model = self.root / "model"
        self.output_data = self.root / "output" / "data"
        self._failure = self.root / "output" / "failure"

    def __enter__(self) -> Self:
        for folder in ("input/config", "input/data", "model", "output/data", "code"):
            (self.root / folder).mkdir(parents=True)
        (self._folder / "home").mkdir()
        (self._folder / "tmp").mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def channel(self, name: str) -> Path:
        """The folder of an input channel."""
        return self.root / "input" / "data" / name

    def local(self, container_path: str) -> Path:
        """The folder that stands for a path below /opt/ml."""
        return Path(self.translate(container_path))

    def translate(self, text: str) -> str:
        """The text with every path below /opt/ml as it is here."""
        return CONTAINER_PATH.sub(lambda _: str(self.root), text)

    def as_in_container(self, text: str) -> str:
        """The text with every path below our root as the job's author knows it, for logs and messages."""
        return text.replace(str(self.root), CONTAINER_ROOT)

    def write_config(self, request: Mapping[str, Any], *, host: str, hosts: list[str]) -> None:
        """Write the three files by which a job learns what it is to do, and that it does so on this machine.

        https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
        """
        mode = request["AlgorithmSpecification"]["TrainingInputMode"]
        group = "homogeneousCluster"
        files: dict[str, Any] = {
            "hyperparameters": request.get("HyperParameters", {}),
            "inputdataconfig": {
                channel["ChannelName"]: {
                    "TrainingInputMode": channel.get("InputMode", mode),
                    "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                        "S3DataDistributionType", "FullyReplicated"
                    ),
                    "RecordWrapperType": channel.get("RecordWrapperType", "None"),
                    **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
                }
                for channel in request.get("InputDataConfig", [])
            },
            "resourceconfig": {
                "current_host": host,
                "current_instance_type": THIS_MACHINE,
                "current_group_name": group,
                "hosts": hosts,
                "instance_groups": [{"instance_group_name": group, "instance_type": THIS_MACHINE, "hosts": hosts}],
                "network_interface_name": "eth0" if len(hosts) == 1 else LOOPBACK_INTERFACE,
            },
        }
        for name, content in files.items():
            (self.root / "input" / "config" / f"{name}.json").write_text(json.dumps(content))

    def command(self, algorithm: dict[str, Any]) -> list[str]:
        """The container's entrypoint and arguments, to be run here."""
        words = [*algorithm["ContainerEntrypoint"], *algorithm.get("ContainerArguments", [])]
        return [self.translate(word) for word in words]

    def environment(self, request: Mapping[str, Any], *, arn: str, region: str, port: int) -> dict[str, str]:
        """What the container sees: no credentials and no endpoints (network isolation).

        This Python takes the place of the image's, with the settings of SageMaker's images. `port` is one at which
        torchrun's first host can listen: in SageMaker a job's hosts have a network of their own, here all share one.
        """
        return {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", os.defpath]),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(CONTAINER_PYTHON),
            "PYTHONUNBUFFERED": "TRUE",
            "PYTHONDONTWRITEBYTECODE": "TRUE",
            "HOME": str(self._folder / "home"),
            "TMPDIR": str(self._folder / "tmp"),
            "SAGEMAKER_BASE_DIR": str(self.root),
            "AWS_REGION": region,
            "TRAINING_JOB_NAME": request["TrainingJobName"],
            "TRAINING_JOB_ARN": arn,
            "PET_MASTER_PORT": str(port),
            **{name: self.translate(value) for name, value in request.get("Environment", {}).items()},
        }

    @property
    def failure(self) -> str:
        """What the command wrote to /opt/ml/output/failure; empty if it wrote none, or it is not a file."""
        try:
            return self.as_in_container(self._failure.read_text(errors="replace")).strip()
        except OSError:
            return ""


def failure_reason(written: str, exit_code: int) -> str:
    """SageMaker's words for a command that failed."""
    end = f", exit code: {exit_code}"
    return f"AlgorithmError: {written}"[: LONGEST_FAILURE_REASON - len(end)] + end
