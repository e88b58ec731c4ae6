"""Starts the processes that train together, one for each GPU of each host, and waits for their end."""

import contextlib
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import distributed
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.run import parse_args, run

from dataset_contract.bounded_json import parse_bounded
from training_code.job.failures import JobConfigError, ProcessLostError

_GPU_FAMILIES = re.compile(r"ml\.[gp][0-9]")
"""SageMaker's instance types with GPUs."""

_EFA = Path("/dev/infiniband")
"""Where SageMaker mounts an Elastic Fabric Adapter, on the instances that have one."""

_SECONDS_FOR_NAMES = 300
"""A host's name may be unknown until that host has started."""

_SECONDS_TO_END = 110
"""From SIGTERM to SIGKILL, for the last checkpoint; SageMaker ends the container after 120."""

LINGER_SECONDS = 30.0
"""How long a host that has lost another one waits before it ends, so that the host with the cause can end first."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """The machines of a job, as its resourceconfig.json names them."""

    names: tuple[str, ...]
    """In the order of their ranks."""
    current: str
    network_interface: str | None

    @property
    def arguments(self) -> list[str]:
        """How torchrun finds the processes of all. Raises ProcessLostError if the first host's name stays unknown."""
        if len(self.names) == 1:
            return ["--standalone"]  # a free port on this machine
        rank, first = self.names.index(self.current), _address(self.names[0])
        return [f"--nnodes={len(self.names)}", f"--node-rank={rank}", f"--master-addr={first}"]

    @property
    def environment(self) -> dict[str, str]:
        """What NCCL and gloo need to know of the network between several.

        As AWS's own launcher has it (aws/sagemaker-training-toolkit, torch_distributed.py), but for
        FI_EFA_USE_DEVICE_RDMA: it ends a process whose adapter has no RDMA, and without it libfabric uses RDMA where
        there is some. RDMAV_FORK_SAFE is for the workers that read images, which are forked.
        """
        if len(self.names) == 1:
            return {}
        interface = self.network_interface
        network = {"NCCL_SOCKET_IFNAME": interface, "GLOO_SOCKET_IFNAME": interface} if interface else {}
        if any(_EFA.glob("uverbs*")):
            network |= {"FI_PROVIDER": "efa", "NCCL_PROTO": "simple", "RDMAV_FORK_SAFE": "1"}
        return network


def hosts_to_start(resource_config: Path) -> Hosts | None:
    """The job's hosts; None where one process on one host is enough.

    Raises:
        JobConfigError: resourceconfig.json cannot be used, or the GPU of the instance type that it names.
    """
    try:
        content = parse_bounded(resource_config.read_bytes())
        names, current = tuple(sorted(content["hosts"])), content["current_host"]
        names.index(current)
        instance_type, interface = str(content.get("current_instance_type", "")), content.get("network_interface_name")
    except FileNotFoundError:
        names, current, instance_type, interface = ("localhost",), "localhost", "", None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise JobConfigError(f"{resource_config} does not name this host and the job's hosts.") from None
    if _GPU_FAMILIES.match(instance_type) and not torch.cuda.is_available():
        raise JobConfigError(
            f"The instance type {instance_type} has a GPU, but PyTorch {torch.__version__} sees none, and training on"
            " its CPU would cost as much for weeks: give the job a training image with CUDA (image_tag in cdk.json)."
        )
    if len(names) * _processes_per_host() == 1:
        return None
    return Hosts(names, current, interface)


def run_processes(hosts: Hosts, program: Sequence[str], *, failure: Path) -> int:
    """Run `program` on each GPU of this host, as torchrun does, to its end; returns the exit status.

    `failure` is the file in which a process leaves why it failed. Raises ProcessLostError if one failed without it, or
    the hosts do not find each other.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # until there are processes to pass it on to
    for name, value in (hosts.environment | {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(_SECONDS_TO_END)}).items():
        os.environ.setdefault(name, value)
    lost: ProcessLostError | None = None
    try:
        arguments = [*hosts.arguments, f"--nproc-per-node={_processes_per_host()}", "--no-python", *program]
        options = parse_args(arguments)  # type: ignore[no-untyped-call]
        run(options)  # type: ignore[no-untyped-call]  # PyTorch gives them no types
    except SignalException:
        pass  # told to stop: each process has saved what it had
    except ChildFailedError as error:
        rank, first = _first_killed(error) or error.get_first_failure()
        # Of a process that was killed, another one may have told that it lost it: why is told here.
        if not failure.exists() or (first.exitcode < 0 and _tells_of_a_loss(failure)):
            failure.unlink(missing_ok=True)
            how = first.signal_name() if first.exitcode < 0 else f"exit status {first.exitcode}"
            lost = ProcessLostError(
                f"process {rank} of this job ended and left no reason ({how}): SIGKILL mostly means that the machine's"
                " memory ran out, SIGABRT that the connection to another host broke."
                " Redrive: it continues from the last checkpoint."
            )
        if len(hosts.names) > 1 and (lost or _tells_of_a_loss(failure)):
            with contextlib.suppress(SignalException):
                time.sleep(LINGER_SECONDS)
    except distributed.DistError as error:
        lost = ProcessLostError(
            f"the hosts of this job ({', '.join(hosts.names)}) did not find each other ({error}). Redrive."
        )
    if lost:
        raise lost
    return 1 if failure.exists() else 0


def _first_killed(error: ChildFailedError) -> tuple[int, ProcessFailure] | None:
    """The first process of this host that a signal ended; those that failed by themselves came after it, or with it."""
    killed = [(rank, each) for rank, each in error.failures.items() if each.exitcode < 0]
    return min(killed, key=lambda item: item[1].timestamp, default=None)


def _tells_of_a_loss(failure: Path) -> bool:
    return failure.read_text(errors="replace").startswith(ProcessLostError.code)


def _processes_per_host() -> int:
    return max(1, torch.cuda.device_count())


def _address(host: str) -> str:
    """Its IP address, once it has one."""
    deadline = time.monotonic() + _SECONDS_FOR_NAMES
    while True:
        try:
            return socket.gethostbyname(host)
        except OSError as error:
            if time.monotonic() > deadline:
                raise ProcessLostError(
                    f"the name of the host {host} of this job is unknown after {_SECONDS_FOR_NAMES // 60} minutes"
                    f" ({error}): the host did not start. Redrive."
                ) from None
            time.sleep(1)


def this_program() -> list[str]:
    """The command line of this process, for another one like it."""
    return [sys.executable, *sys.orig_argv[1:]]
