"""Updates of `tiny` and `room_wall` on one thread of a CPU: these of this checkout against those of an earlier commit.

python benchmarks/training_step.py --against 0067a88 --rounds 3 --json
"""

from __future__ import annotations

import os
from functools import partial

import torch

from benchmarks.measuring import ROOT, in_turn, parser, report, run_side, scratch, side, start, work

CASES = {"tiny": (1, 192, 256, 30), "room_wall": (2, 320, 480, 2)}
"""Images of an update, their rows and columns, and updates after the first."""
BOXES = 20
"""Of an image."""
LEAST_FASTER = 1.5


def main() -> None:
    from benchmarks.earlier_checkout import checkout_of  # noqa: PLC0415  an earlier commit's side lacks it

    made = parser(__doc__ or "", rounds=3)
    made.add_argument("--against", default="0067a88", help="the earlier commit (default: %(default)s)")
    given = made.parse_args()
    with scratch(given) as folder, checkout_of(given.against, folder / "earlier") as earlier:
        checkouts = {given.against: earlier, "this checkout": ROOT}
        tables = {
            f"{updates} updates of {recipe} at {height} x {width} pixels": in_turn(
                {
                    name: partial(run_side, side(__file__, recipe), {**os.environ, "PYTHONPATH": str(root)})
                    for name, root in checkouts.items()
                },
                given.rounds,
            )
            for recipe, (_, height, width, updates) in CASES.items()
        }
    goals = {
        f"CPU time of {title} by that of {given.against}": (
            costs["this checkout"].work_cpu_s / costs[given.against].work_cpu_s,
            1 / LEAST_FASTER,
        )
        for title, costs in tables.items()
    }
    report("training_step", given, tables, goals=goals, packages=("torch", "scipy"))


def one_side(recipe: str) -> None:
    """Make updates from one batch with the code that PYTHONPATH has."""
    from training_code.data.batches import Batch, pad_to_batch  # noqa: PLC0415  the side's own code
    from training_code.dino.model import build_model  # noqa: PLC0415
    from training_code.job.distributed import DistributedContext  # noqa: PLC0415
    from training_code.loop.training_step import TrainingStep  # noqa: PLC0415
    from training_code.recipes import RECIPES  # noqa: PLC0415

    _prepare_process()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    count, height, width, updates = CASES[recipe]
    settings = RECIPES[recipe]
    model = build_model(settings.model.with_classes(3))
    training = TrainingStep(model, settings.training, DistributedContext(0, 1, torch.device("cpu")))
    images, mask = pad_to_batch([torch.randn(3, height, width) for _ in range(count)])
    targets = [{"labels": torch.randint(3, (BOXES,)), "boxes": torch.rand(BOXES, 4) * 0.3 + 0.2} for _ in images]
    batch = Batch(images, mask, targets, [])

    def update(step: int) -> None:
        training.update([batch], step, steps=1000, steps_per_epoch=100)

    update(0)
    with work():
        for step in range(updates):
            update(step + 1)


def _prepare_process() -> None:
    """Do what a job does with its process."""
    try:
        from training_code.loop.memory import keep_freed_memory  # noqa: PLC0415
    except ImportError:  # an earlier commit's did nothing
        return
    keep_freed_memory()


if __name__ == "__main__":
    start(main, one_side)
