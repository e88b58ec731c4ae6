"""Two processes of one machine against one with the same images in each update: losses and time.

    python benchmarks/two_processes.py [--json]

Both train `tiny`, on one thread a process, with gradients exchanged by gloo. Without denoising, whose noise differs
between processes, they compute the same but for the order of sums. The losses are compared in fp64: in fp32 they differ
by 1e-7 until rounding decides which of two equally good queries a box is matched to, which noise has many of.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from benchmarks.measuring import RESULTS, ROOT, machine, side, start
from training_code.data.batches import Batch, pad_to_batch
from training_code.dino.model import build_model
from training_code.job.distributed import initialise
from training_code.loop.training_step import TrainingStep
from training_code.recipes import RECIPES

IMAGES = 4
"""Of an update, over all processes."""
UPDATES = 30
BOXES = 20
"""Of an image."""
HEIGHT, WIDTH = 192, 256
RATE = 1e-5
"""Learning rate: Adam's first updates depend on the sign of a gradient only, and make much of rounding."""
MOST_DIFFERENCE = 1e-6


@dataclass(frozen=True)
class Training:
    """What the processes of one training say."""

    losses: list[float]
    seconds: float
    """Of the slowest."""
    cpu_seconds: float
    """Of all."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="also write benchmarks/results/")
    given = parser.parse_args()
    difference = largest_difference()
    one, two = train(1, "float32"), train(2, "float32")
    print(machine(("torch",)))
    for name, training in (("one process", one), ("two processes", two)):
        speed = IMAGES * UPDATES / training.seconds
        print(f"  {name:<15}{training.seconds:7.2f} s{training.cpu_seconds:7.2f} CPU s{speed:7.1f} images/s")
    print(f"  efficiency of the two: {one.seconds / two.seconds / 2:.2f}")
    met = "met   " if difference <= MOST_DIFFERENCE else "MISSED"
    print(f"  {met} largest difference of {UPDATES} losses: {difference:.1e}, limit {MOST_DIFFERENCE:g}")
    if given.json:
        RESULTS.mkdir(exist_ok=True)
        content = {
            "machine": machine(("torch",)),
            "images": IMAGES * UPDATES,
            "largest_relative_difference_of_losses": difference,
            "one_process": {"seconds": one.seconds, "cpu_seconds": one.cpu_seconds},
            "two_processes": {"seconds": two.seconds, "cpu_seconds": two.cpu_seconds},
        }
        (RESULTS / "two_processes.json").write_text(json.dumps(content, indent=1) + "\n")


def largest_difference() -> float:
    """Of the losses of two processes from those of one, as a share of these."""
    losses = [train(processes, "float64").losses for processes in (1, 2)]
    difference: float = max(abs(two - one) / abs(one) for one, two in zip(*losses, strict=True))
    return difference


def train(processes: int, dtype: str) -> Training:
    """Run the processes of one training, of numbers of type `dtype`, to their end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    shared = {**os.environ, "WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    command = [str(part) for part in side(__file__, dtype)]
    started = [
        subprocess.Popen(
            command, cwd=ROOT, env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}, stdout=subprocess.PIPE
        )
        for rank in range(processes)
    ]
    outputs = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        sys.exit("a process failed; what it said is above.")
    told = [json.loads(output.splitlines()[-1]) for output in outputs]
    return Training(
        losses=told[0]["losses"],
        seconds=max(each["seconds"] for each in told),
        cpu_seconds=sum(each["cpu_seconds"] for each in told),
    )


def one_side(dtype: str) -> None:
    """This process's share of the training."""
    torch.set_num_threads(1)
    torch.set_default_dtype(getattr(torch, dtype))
    settings = RECIPES["tiny"]
    distributed = initialise(settings.training.stall_minutes)
    torch.manual_seed(0)
    model = build_model(replace(settings.model.with_classes(3), dn_number=0))
    config = replace(settings.training, learning_rate=RATE, backbone_learning_rate=RATE)
    training = TrainingStep(model, config, distributed)
    batches = [own_batch(distributed.rank, distributed.world_size) for _ in range(UPDATES + 1)]
    losses = update(training, batches[:1], 0)
    began, cpu = time.perf_counter(), time.process_time()
    losses += update(training, batches[1:], 1)
    told = {"losses": losses, "seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    distributed.close()
    print(json.dumps(told))


def own_batch(rank: int, world_size: int) -> Batch:
    """This process's share of the next update's noise."""
    images, mask = pad_to_batch([torch.randn(3, HEIGHT, WIDTH) for _ in range(IMAGES)])
    targets = [{"labels": torch.randint(3, (BOXES,)), "boxes": torch.rand(BOXES, 4) * 0.3 + 0.2} for _ in images]
    assert mask is None, "all images have one size"
    own = slice(rank * IMAGES // world_size, (rank + 1) * IMAGES // world_size)
    return Batch(images[own], None, targets[own], [])


def update(training: TrainingStep, batches: Sequence[Batch], first: int) -> list[float]:
    """One update of each batch, numbered from `first`; returns their losses."""
    return [
        training.update([batch], first + index, steps=1000, steps_per_epoch=100).read().loss
        for index, batch in enumerate(batches)
    ]


if __name__ == "__main__":
    start(main, one_side)
