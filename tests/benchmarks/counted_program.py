"""A program on the fake GPU whose counts are known; prints them as JSON. Run in benchmarks.fake_cuda.environment()."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from benchmarks.gpu_counts import Counts, fake_gpu, print_and_exit, saved_bytes
from training_code.dino.host_data import HostCopy


def main() -> None:
    with fake_gpu() as gpu:

        def count(work: Callable[[], object]) -> list[int]:
            gpu.counts = Counts()
            work()
            return [gpu.counts.kernels.total(), gpu.counts.synchronisations.total()]

        on_gpu = torch.ones(4, 6, device="cuda")
        on_host = torch.ones(4, 6)
        pinned = on_host.pin_memory()
        queries = torch.ones(1, 2, 16, 8, device="cuda", dtype=torch.bfloat16)
        copied = HostCopy(on_gpu[0])
        mask = torch.ones(16, 16, device="cuda", dtype=torch.bfloat16)
        found: dict[str, list[int]] = {
            "a view": count(on_gpu.t),
            "two operators": count(lambda: (on_gpu @ on_gpu.t()) * 2),
            "a number read": count(lambda: float(on_gpu.sum())),
            "a list read": count(on_gpu[0].tolist),
            "copied to the host, read at once": count(HostCopy(on_gpu[0]).numbers),
            "copied to the host, read after a wait": count(lambda: (float(on_gpu.sum()), copied.numbers())),
            "copied from pageable memory": count(lambda: on_host.to("cuda", non_blocking=True)),
            "copied from pinned memory, waited for": count(lambda: pinned.to("cuda")),
            "copied from pinned memory": count(lambda: pinned[1:].to("cuda", non_blocking=True)),
            "made of numbers": count(lambda: on_gpu.new_tensor([1.0, 2.0])),
            "indices on the host": count(lambda: on_gpu[torch.tensor([0, 1])]),
            "on the host alone": count(lambda: float(on_host.sum())),
            "attention with a mask": count(
                lambda: functional.scaled_dot_product_attention(queries, queries, queries, attn_mask=mask)
            ),
        }
        layer = nn.Linear(6, 10).to("cuda")
        with saved_bytes([*layer.parameters(), on_gpu]) as saved, torch.autocast("cuda", torch.bfloat16):
            loss = layer(on_gpu).float().square().sum()
        torch.autograd.backward(loss)
        assert layer.weight.grad is not None
        found["saved bytes"] = saved
    print_and_exit(found)


if __name__ == "__main__":
    main()
