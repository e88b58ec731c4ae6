"""What each change of the training step brought: this counts and times an update before and after it.

    python benchmarks/step_history.py [--json] [--rounds 5]

Memory that autograd keeps, kernels and host synchronisations are counted as in step_counts.py, for two images of one
size; CPU time is that of `tiny`'s updates on one thread, in turn with all other states. Where a commit brought several
changes, some of its files and lines are left out of the states between.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.fake_cuda import environment
from benchmarks.full_step import full_step, noise, update
from benchmarks.gpu_counts import Counts, fake_gpu, print_and_exit, saved_bytes
from benchmarks.measuring import RESULTS, ROOT, Cost, in_turn, machine, parser, run_side, scratch, side, start

BATCH = 2
CODE = ("training_code", "prediction")
"""The training's, and where its images are normalised."""
DINO = "training_code/dino"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the step, and the state of the code after it."""

    name: str
    commit: str
    files: tuple[str, ...] = ()
    """Of DINO: what the state before gets of the commit; () means that it is the commit's whole code."""
    undone: tuple[str, str, str] | None = None
    """A file of DINO, lines of the commit, and what stands for them: a change that comes later."""


_SELF_ATTENTION = (
    "self_attention.py",
    "    d, m = attention.embed_dim, attention.num_heads\n",
    "    placed, query = placed_BQD.transpose(0, 1), query_BQD.transpose(0, 1)\n"
    '    on_cpu = query.device.type == "cpu"\n'
    "    attended = attention(placed, placed, query, attn_mask=bias_QQ, need_weights=on_cpu)[0]\n"
    "    return attended.transpose(0, 1)\n"
    "    d, m = attention.embed_dim, attention.num_heads\n",
)
_LAYERS_CASTS = ("decoder.py", "call_cast(\n                layer,", "layer(")

BEFORE = "b9563f2"
"""The commit before the first change."""
CHANGES = (
    Change("an operator that keeps values, locations and weights only", "92c25b2"),
    Change("a border of zeros around sampled values", "660039f"),
    Change("frozen norms folded into their convolutions", "a6cc41c", ("resnet.py",)),
    Change("positions, references and proposals kept by size", "a6cc41c", undone=_SELF_ATTENTION),
    Change("the decoder's attention fused", "a6cc41c"),
    Change(
        "host data through pinned memory; boxes taken apart once",
        "b65e4b4",
        ("host_data.py", "criterion.py", "denoising.py", "matcher.py", "boxes.py"),
    ),
    Change("offsets and weights of queries by one product", "b65e4b4", ("deformable_attention.py", "scales.py")),
    Change(
        "heads for all decoder layers at once",
        "b65e4b4",
        ("decoder.py", "model.py", "transformer.py", "precision.py"),
        undone=_LAYERS_CASTS,
    ),
    Change("a layer's weights cast together", "b65e4b4"),
    Change("no mask for images of one size", "ec276d8"),
    Change("all boxes of a batch to the GPU at once", "da17bb0"),
    Change("figures read a step later, the stop flag among them", "39e3edf"),
    Change("images in 8 bits, normalised on the device", "75bfb29"),
    Change(
        "long axes for points' weights and the sampler's gradients",
        "38ddb97",
        ("deformable_attention.py", "sampling/plain.py"),
    ),
    Change("freed memory stays with the process", "38ddb97"),
)
"""In their order. A new one goes to the end, with the commit on main that brought it."""


def main() -> None:
    made = parser(__doc__ or "", rounds=5)
    given = made.parse_args()
    with scratch(given) as folder:
        names = ["before", *(change.name for change in CHANGES)]
        code = dict(zip(names, trees(folder), strict=True))
        counts = {name: _counted(tree) for name, tree in code.items()}
        costs = in_turn({name: partial(_timed, tree) for name, tree in code.items()}, given.rounds)
    rows = _rows(counts, costs)
    print(table(rows))
    if given.json:
        content = {"machine": machine(("torch", "scipy")), "rounds": given.rounds, "rows": rows}
        (RESULTS / "step_history.json").write_text(json.dumps(content, indent=1) + "\n")


def trees(folder: Path) -> Iterator[Path]:
    """A folder for each state, with its training_code: before the changes, and after each."""
    before = folder / "0"
    unpack(BEFORE, CODE, before)
    yield before
    for number, change in enumerate(CHANGES, 1):
        tree = folder / str(number)
        if change.files:
            shutil.copytree(before, tree)
        unpack(change.commit, [f"{DINO}/{name}" for name in change.files] or CODE, tree)
        if change.undone is not None:
            name, lines, instead = change.undone
            file = tree / DINO / name
            text = file.read_text()
            assert text.count(lines) == 1, (change.name, name)
            file.write_text(text.replace(lines, instead))
        yield tree
        before = tree


def unpack(commit: str, paths: Sequence[str], folder: Path) -> None:
    """Files of an earlier commit."""
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", commit, *paths], check=True, stdout=subprocess.PIPE)
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")


def _counted(tree: Path) -> dict[str, Any]:
    """GiB kept, kernels and synchronisations of an update with the code in `tree`."""
    command = [str(part) for part in side(__file__)]
    done = subprocess.run(
        command, env={**environment(), "PYTHONPATH": str(tree)}, check=True, stdout=subprocess.PIPE, text=True
    )
    counted: dict[str, Any] = json.loads(done.stdout)
    return counted


def _timed(tree: Path) -> Cost:
    """Updates of `tiny` with the code in `tree`."""
    training_step = Path(__file__).with_name("training_step.py")
    return run_side(side(str(training_step), "tiny"), {**os.environ, "PYTHONPATH": str(tree)})


def _rows(counts: dict[str, dict[str, Any]], costs: dict[str, Cost]) -> list[dict[str, Any]]:
    """Of each state what was counted, and the CPU time by that of the state before it."""
    commits = [BEFORE, *(change.commit for change in CHANGES)]
    seconds = [cost.work_cpu_s for cost in costs.values()]
    ratios = [1.0, *(after / before for before, after in itertools.pairwise(seconds))]
    return [
        {"change": name, "commit": commit, **counted, "cpu_s": cpu_s, "cpu_by_that_before": ratio}
        for (name, counted), commit, cpu_s, ratio in zip(counts.items(), commits, seconds, ratios, strict=True)
    ]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """For docs/performance.md: each state's figures, and how CPU time changed."""
    lines = [
        "| change | commit | GiB kept | kernels | synchronisations | CPU time by that before |",
        "|---|---|---|---|---|---|",
    ]
    before: dict[str, Any] | None = None
    for row in rows:
        cells = [
            _cell(f"{row['gib']:.2f}", "" if before is None else f"{row['gib'] - before['gib']:+.2f}"),
            *(
                _cell(f"{row[key]:,}", "" if before is None else f"{row[key] - before[key]:+,}")
                for key in ("kernels", "synchronisations")
            ),
            "" if before is None else f"{row['cpu_by_that_before']:.2f} ",
        ]
        lines.append(f"| {row['change']} | {row['commit']} | {' | '.join(cells)}|")
        before = row
    return "\n".join(lines)


def _cell(figure: str, difference: str) -> str:
    """Without the difference where there is none."""
    return f"{figure} ({difference})" if difference.strip("+-0.") else figure


def one_side() -> None:
    """Print the counts of the second update as JSON, with the code that PYTHONPATH has."""
    from training_code.data.batches import pad_to_batch  # noqa: PLC0415  the side's own code

    with fake_gpu() as gpu:
        device = torch.device("cuda")
        training = full_step(device, batch_size=BATCH)
        made = noise(BATCH)
        _, mask = pad_to_batch(list(made[0]))  # earlier commits have a mask where no image is padded, too
        loaded = made._replace(mask=None if mask is None else mask.pin_memory())
        for step in range(2):  # the first fills what is kept for later ones
            gpu.counts = Counts()
            with saved_bytes([*training.model.parameters(), *training.model.buffers()]) as saved:
                update(training, loaded, step, device)
    counts = gpu.counts
    print_and_exit(
        {
            "gib": saved[0] / 2**30,
            "kernels": counts.kernels.total(),
            "synchronisations": counts.synchronisations.total(),
        }
    )


if __name__ == "__main__":
    start(main, one_side)
