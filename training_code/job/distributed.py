"""The processes that train together: how they are started on all GPUs of all hosts, and what they exchange."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from dataset_contract.bounded_json import parse_bounded
from training_code.job.failures import JobConfigError

PORT = 29500
"""Where the first of several hosts listens; the hosts of a job have a network of their own."""


_GPU_FAMILIES = re.compile(r"ml\.[gp][0-9]")
"""SageMaker's instance types with GPUs."""


@dataclass(frozen=True, slots=True)
class DistributedContext:
    """This process among those that train together."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """The first process prints and writes."""
        return self.rank == 0

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """The mean of `values` over all processes."""
        if self.world_size > 1:
            distributed.all_reduce(values)
            values = values / self.world_size
        return values

    def gather(self, value: Any) -> list[Any]:  # noqa: ANN401  anything that can be pickled between our own processes
        """Every process's `value`, in the order of their ranks."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        distributed.all_gather_object(values, value)
        return values

    def close(self) -> None:
        """End the process group, once every process calls this; nothing can be exchanged afterwards.

        A process that ends with the group open can abort in its threads (seen: SIGABRT), and torchrun then ends the
        first process, too, which may still be writing the model.
        """
        if self.world_size > 1:
            distributed.barrier()
            distributed.destroy_process_group()


def torchrun_command(resource_config: Path) -> list[str] | None:
    """The torchrun command that starts a process for each GPU of each host; None where one process is enough.

    Raises:
        JobConfigError: resourceconfig.json cannot be used, or the GPU of the instance type that it names.
    """
    try:
        content = parse_bounded(resource_config.read_bytes())
        hosts, current = sorted(content["hosts"]), content["current_host"]
        node, instance_type = hosts.index(current), str(content.get("current_instance_type", ""))
    except FileNotFoundError:
        hosts, node, instance_type = ["localhost"], 0, ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise JobConfigError(f"{resource_config} does not name this host and the job's hosts.") from None
    if _GPU_FAMILIES.match(instance_type) and not torch.cuda.is_available():
        raise JobConfigError(
            f"The instance type {instance_type} has a GPU, but PyTorch {torch.__version__} sees none, and training on"
            " its CPU would cost as much for weeks: give the job a training image with CUDA (image_tag in cdk.json)."
        )
    per_host = max(1, torch.cuda.device_count())
    if len(hosts) * per_host == 1:
        return None
    place = ["--standalone"]  # a free port on this machine
    if len(hosts) > 1:
        place = [f"--nnodes={len(hosts)}", f"--node-rank={node}", f"--master-addr={hosts[0]}", f"--master-port={PORT}"]
    return [sys.executable, "-m", "torch.distributed.run", *place, f"--nproc-per-node={per_host}"]


def local_processes(environment: Mapping[str, str] = os.environ) -> int:
    """Processes of this machine, as torchrun tells (LOCAL_WORLD_SIZE)."""
    return int(environment.get("LOCAL_WORLD_SIZE", "1"))


def initialise(environment: Mapping[str, str] = os.environ) -> DistributedContext:
    """Connect the processes that torchrun started (RANK, WORLD_SIZE, LOCAL_RANK); without it this is the only one."""
    local_rank, world_size = int(environment.get("LOCAL_RANK", "0")), int(environment.get("WORLD_SIZE", "1"))
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", local_rank) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    if world_size > 1:
        distributed.init_process_group("nccl" if on_gpu else "gloo")
    return DistributedContext(int(environment.get("RANK", "0")), world_size, device)
