"""What an update of `room_wall` asks of a GPU, counted without one: memory for gradients, kernels, synchronisations.

    python benchmarks/step_counts.py [--json] [--lines 20]

Counted on fake tensors, with the rules of autocast on CUDA and the Triton kernels' launches: bytes that autograd keeps,
operators that compute, and what makes the host wait for the GPU. It is the second update with batches of one size, so
what is kept for later updates is not counted; the first one's figures are read after it, as in a training. Needs a C++
compiler.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections import Counter
from typing import Any

import torch

from benchmarks.fake_cuda import environment
from benchmarks.full_step import full_step, noise, update
from benchmarks.gpu_counts import PHASES, Counts, fake_gpu, print_and_exit, saved_bytes
from benchmarks.measuring import RESULTS, machine, side, start
from training_code.loop.step_figures import PendingFigures

MOST_GIB = {2: 4.0, 8: 15.0}
MOST_KERNELS = 2300
MOST_SYNCHRONISATIONS = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="also write benchmarks/results/")
    parser.add_argument("--lines", type=int, default=0, help="also show so many lines of code with the most kernels")
    given = parser.parse_args()
    found = {str(batch): count(batch) for batch in MOST_GIB}
    print(f"{'batch':>7}{'GiB kept':>10}{'syncs':>7}{'kernels':>9}" + "".join(f"{phase:>11}" for phase in PHASES))
    for name, figures in found.items():
        phases = "".join(f"{figures['phases'][phase]:>11,}" for phase in PHASES)
        print(f"{name:>7}{figures['gib']:>10.2f}{figures['synchronisations']:>7}{figures['kernels']:>9,}{phases}")
    two = found["2"]
    print(
        "Host synchronisations:",
        *(f"{number} at {line}" for line, number in two["synchronisations_by_line"].items()),
        sep="\n  ",
    )
    if given.lines:
        print(
            "Kernels by line:",
            *(f"{n:>5} {line}" for line, n in [*two["kernels_by_line"].items()][: given.lines]),
            sep="\n ",
        )
    for batch, most in MOST_GIB.items():
        figures = found[str(batch)]
        _goal(f"batch {batch}, GiB kept for the backward pass", figures["gib"], most)
        _goal(f"batch {batch}, kernels", figures["kernels"], MOST_KERNELS)
        _goal(f"batch {batch}, host synchronisations", figures["synchronisations"], MOST_SYNCHRONISATIONS)
    if given.json:
        line = machine(("torch",))
        kept = {batch: {key: x for key, x in each.items() if key != "kernels_by_line"} for batch, each in found.items()}
        content = {"machine": line, "device": "none: counted on fake tensors", "by_batch": kept}
        (RESULTS / "step_counts.json").write_text(json.dumps(content, indent=1) + "\n")


def _goal(name: str, figure: float, limit: float) -> None:
    print(f"  {'met   ' if figure <= limit else 'MISSED'} {name}: {figure:.4g}, limit {limit:g}")


def count(batch: int) -> dict[str, Any]:
    """The counts of an update of `batch` images, from a process of its own."""
    command = [str(part) for part in side(__file__, str(batch))]
    done = subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE, text=True)
    counted: dict[str, Any] = json.loads(done.stdout)
    return counted


def one_side(batch: str) -> None:
    """Print the counts as JSON."""
    with fake_gpu() as gpu:
        device = torch.device("cuda")
        training = full_step(device, batch_size=int(batch))
        loaded = noise(int(batch))
        before: PendingFigures | None = None
        for step in range(2):  # the first fills what is kept for later ones
            gpu.counts = Counts()
            with saved_bytes([*training.model.parameters(), *training.model.buffers()]) as saved:
                figures = update(training, loaded, step, device)
            if before is not None:
                before.read()
            before = figures
    counts = gpu.counts
    by_line: Counter[str] = Counter()
    for (phase, line, _), number in counts.kernels.items():
        by_line[f"{phase}: {line}"] += number
    print_and_exit(
        {
            "gib": saved[0] / 2**30,
            "kernels": counts.kernels.total(),
            "phases": {phase: counts.phase(phase) for phase in PHASES},
            "synchronisations": counts.synchronisations.total(),
            "synchronisations_by_line": {
                f"{line} ({what})": number for (what, line), number in counts.synchronisations.items()
            },
            "kernels_by_line": dict(by_line.most_common()),
        }
    )


if __name__ == "__main__":
    start(main, one_side)
