"""Sampling of an encoder layer with 8,500 queries, forwards and backwards on a CPU: the operator against grid_sample.

python benchmarks/sampling.py --rounds 3 --json
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.measuring import Cost, in_turn, parser, report, run_side, side, start, work
from tests.dino.grid_sampling import grid_sample_scales
from training_code.dino.sampling.choice import choose
from training_code.dino.sampling.operator import sample

SIZES = [80, 80, 40, 40, 20, 20, 10, 10]
"""Rows and columns of the scales of an image of 640 x 640 pixels."""
REPEATS = 5
LEAST_FASTER = 6.0
LARGEST_SHARE = 0.15

Sampling = Callable[[Tensor, Tensor, Tensor, list[int]], Tensor]
FORMS: dict[str, Sampling] = {"grid_sample": grid_sample_scales, "plain": sample, "compiled": sample}


def main() -> None:
    given = parser(__doc__ or "", rounds=3).parse_args()
    tables: dict[str, dict[str, Cost]] = {}
    for threads in ("1", "2"):
        sides = {name: partial(run_side, side(__file__, name, threads)) for name in FORMS}
        tables[f"forwards and backwards, {REPEATS} times, threads: {threads}"] = in_turn(sides, given.rounds)
    one = next(iter(tables.values()))
    share = one["plain"].work_cpu_s / one["grid_sample"].work_cpu_s
    kept = kept_bytes(sample) / kept_bytes(grid_sample_scales)
    report(
        "sampling",
        given,
        tables,
        goals={
            "CPU time of the operator by that of grid_sample": (share, 1 / LEAST_FASTER),
            "memory kept for the backward pass by that of grid_sample": (kept, LARGEST_SHARE),
        },
        packages=("torch", "scipy"),
    )


def one_side(name: str, threads: str) -> None:
    """Sample some times as `name` does."""
    torch.set_num_threads(int(threads))
    if name != "grid_sample":
        choose("compiled" if name == "compiled" else "plain", torch.device("cpu"))
    tensors = inputs()
    grad = torch.randn(1, 8500, 256)
    torch.autograd.grad(FORMS[name](*tensors, SIZES), tensors, grad)
    with work():
        for _ in range(REPEATS):
            torch.autograd.grad(FORMS[name](*tensors, SIZES), tensors, grad)


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    """Values, and locations some pixels around each query's own, with their weights."""
    torch.manual_seed(0)
    shapes = list(zip(SIZES[::2], SIZES[1::2], strict=True))
    queries = sum(h * w for h, w in shapes)
    own = torch.cat(
        [torch.cartesian_prod((torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w).flip(-1) for h, w in shapes]
    )
    pixel = 1 / torch.tensor([[w, h] for h, w in shapes])
    offsets = torch.randn(1, queries, 8, 4, 4, 2) * 2 * pixel[:, None]
    return (
        torch.randn(1, queries, 8, 32).requires_grad_(),
        (own[:, None, None, None] + offsets).requires_grad_(),
        torch.rand(1, queries, 8, 4, 4).requires_grad_(),
    )


def kept_bytes(form: Sampling) -> int:
    """What autograd keeps between the two passes."""
    kept: dict[int, Tensor] = {}

    def keep(x: Tensor) -> Tensor:
        kept[x.untyped_storage()._cdata] = x
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        form(*inputs(), SIZES)
    return sum(x.untyped_storage().nbytes() for x in kept.values())


if __name__ == "__main__":
    start(main, one_side)
