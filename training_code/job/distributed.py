"""The processes that train together, and what they exchange; launcher.py starts them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from training_code.job.failures import ProcessLostError

_MINUTES_TO_TELL = 5
"""For the process that stalls to write why, and to end."""


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


@contextmanager
def process_losses() -> Iterator[None]:
    """Turn what an exchange says whose other side is gone into a ProcessLostError.

    Of a process that is killed, and of its host, the others learn when the connection breaks: gloo says so in a plain
    RuntimeError, NCCL and the store of addresses in classes of their own.
    """
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, distributed.DistError) and "gloo" not in str(error):
            raise
        raise ProcessLostError(
            "the connection to another process of this job broke: its host was lost, or that host's log says why it"
            " ended. Redrive: it continues from the last checkpoint."
        ) from error


def local_processes(environment: Mapping[str, str] = os.environ) -> int:
    """Processes of this machine, as torchrun tells (LOCAL_WORLD_SIZE)."""
    return int(environment.get("LOCAL_WORLD_SIZE", "1"))


def initialise(stall_minutes: float, environment: Mapping[str, str] = os.environ) -> DistributedContext:
    """Connect the processes that torchrun started (RANK, WORLD_SIZE, LOCAL_RANK); without it this is the only one.

    They wait for one another for longer than the setting `stall_minutes`, so that a stall is told as one: NCCL's own
    limit of ten minutes would abort those that wait, and say nothing of it.
    """
    local_rank, world_size = int(environment.get("LOCAL_RANK", "0")), int(environment.get("WORLD_SIZE", "1"))
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", local_rank) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    if world_size > 1:
        longest = timedelta(minutes=stall_minutes + _MINUTES_TO_TELL)
        distributed.init_process_group("nccl" if on_gpu else "gloo", timeout=longest)
    return DistributedContext(int(environment.get("RANK", "0")), world_size, device)
