"""What a batch takes of a GPU is measured in whole updates that leave nothing behind."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.training.training_jobs import SMALL
from training_code.data.checked_dataset import CheckedDataset, open_dataset
from training_code.job.distributed import DistributedContext
from training_code.job.hyperparameters import parse_hyperparameters
from training_code.loop.gpu_memory import GpuMemory, MemoryUse
from training_code.loop.training_step import TrainingStep

JOB = parse_hyperparameters({**SMALL, "batch_size": "null"})
CPU = torch.device("cpu")
TOTAL, RESERVED = 10_000_000, 1_000_000


@pytest.fixture
def checked(dataset: Path) -> CheckedDataset:
    return open_dataset(dataset, num_queries=JOB.model.num_queries, log_line=print)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A GPU with this peak, and the batches that were tried on it: images, and whether there were moments before."""
    gpu = SimpleNamespace(peak=0, updates=[], most=1024)
    accumulate = TrainingStep.accumulate

    def watched(self: TrainingStep, batches: Any, step: int) -> torch.Tensor:
        images = len(batches[0].images)
        gpu.updates.append((images, bool(self.optimiser.state)))
        if images > gpu.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        gpu.peak = max(gpu.peak, 1000 + 10 * images + (0 if self.optimiser.state else 5000))
        return accumulate(self, batches, step)

    monkeypatch.setattr(gc, "collect", lambda: 0)  # which takes seconds among all that tests have imported
    monkeypatch.setattr(TrainingStep, "accumulate", watched)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda *_: setattr(gpu, "peak", 0))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: gpu.peak)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: RESERVED)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (TOTAL - RESERVED, 2 * TOTAL))
    return gpu


def test_an_update_is_measured_beside_the_optimisers_moments(gpu: SimpleNamespace, checked: CheckedDataset) -> None:
    with GpuMemory(JOB, checked, DistributedContext(0, 1, CPU)) as memory:
        assert [memory.measure(images) for images in (2, 4)] == [MemoryUse(1020, TOTAL), MemoryUse(1040, TOTAL)]
    assert gpu.updates == [(1, False), (2, True), (4, True)]
    assert gpu.peak == 0, "the training's own figures start from zero"


def test_what_does_not_fit_is_no_error_and_what_does_is_measured_after_it(
    gpu: SimpleNamespace, checked: CheckedDataset
) -> None:
    gpu.most = 2
    with GpuMemory(JOB, checked, DistributedContext(0, 1, CPU)) as memory:
        assert memory.measure(4) == MemoryUse(math.inf, TOTAL)
        assert memory.measure(2) == MemoryUse(1020, TOTAL)


def test_another_error_is_one(gpu: SimpleNamespace, checked: CheckedDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TrainingStep, "accumulate", lambda *_: (_ for _ in ()).throw(RuntimeError("a bug")))
    memory = GpuMemory(JOB, checked, DistributedContext(0, 1, CPU))
    with pytest.raises(RuntimeError, match="a bug"):
        memory.measure(1)


class Two(DistributedContext):
    """The first of two processes; the other's GPU is fuller."""

    def gather(self, value: Any) -> list[Any]:
        return [value, MemoryUse(5000, value.usable_bytes - 9000)]


@pytest.mark.parametrize(("images", "peak"), [(2, 5000), (4, math.inf)])
def test_all_processes_go_by_the_fullest_gpu(
    gpu: SimpleNamespace, checked: CheckedDataset, images: int, peak: float
) -> None:
    memory = GpuMemory(JOB, checked, Two(0, 1, CPU))
    gpu.most = 2
    assert memory.measure(images).peak_bytes == peak


def test_a_process_that_measures_waits_for_no_other(
    gpu: SimpleNamespace, checked: CheckedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of which memory may have run out before its exchange."""
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda _: pytest.fail("it exchanges"))
    assert GpuMemory(JOB, checked, Two(0, 2, CPU)).measure(2).fits


def test_buckets_for_gradients_count_where_several_processes_train(
    gpu: SimpleNamespace, checked: CheckedDataset
) -> None:
    alone, two = GpuMemory(JOB, checked, DistributedContext(0, 1, CPU)), GpuMemory(JOB, checked, Two(0, 2, CPU))
    gradients = 4 * sum(each.numel() for each in alone._training.model.parameters() if each.requires_grad)
    assert two._use(2).peak_bytes - alone._use(2).peak_bytes == gradients


def test_a_kernel_that_the_machine_lacks_is_left_to_the_trainer_to_tell(
    gpu: SimpleNamespace, checked: CheckedDataset
) -> None:
    job = parse_hyperparameters({**SMALL, "batch_size": "null", "deformable_attention": "triton"})
    assert GpuMemory(job, checked, DistributedContext(0, 1, CPU)).measure(2).fits
