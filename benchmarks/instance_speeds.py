"""Images a second and per dollar of `room_wall` by instance type, as a quote expects them before a run has told.

    python benchmarks/instance_speeds.py [--json]

A GPU's speed is measured where benchmarks/results/ has a figure of `python -m benchmarks.gpu` on it. Else it is
projected from an update's operators, counted on fake tensors: each takes as long as its arithmetic or its traffic, at a
stated share of the data sheet's figures, and the host starts one after the other. What this shows is written in
lambda/pipeline/quote/gpu_speeds.py by hand, which quotes read. Needs a C++ compiler.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.instance_types import INSTANCE_TYPES, PRICES_DATE, PRICES_REGION
from pipeline.quote.gpu_speeds import GPU_SPEEDS, PROJECTED
from pipeline.quote.speed import speed_of

from benchmarks.full_step import SIZE
from benchmarks.gpu.training import SPEED
from benchmarks.gpu_work import Operator, work
from benchmarks.measuring import RESULTS, machine
from benchmarks.step_history import BEFORE, CODE, unpack
from training_code.recipes import RECIPES

BATCHES = (2, 8)
"""Of which the first is quoted."""


@dataclass(frozen=True, slots=True)
class DataSheet:
    """What NVIDIA states of a GPU, without sparsity; AWS's A10G has less arithmetic than the A10."""

    bf16_tflops: float
    fp32_tflops: float
    gb_per_second: float


DATA_SHEETS = {
    "A10G": DataSheet(70, 31.2, 600),
    "L4": DataSheet(121, 30.3, 300),
    "L40S": DataSheet(362, 91.6, 864),
    "A100": DataSheet(312, 19.5, 1555),
    "H100": DataSheet(989, 67, 3350),
}
SHARE_OF_FLOPS = 0.4
SHARE_OF_BANDWIDTH = 0.7
LEAST_SECONDS = 3e-6
"""Of an operator on the GPU, however little it does."""
HOST_SECONDS = 0.141 / 4470
"""For an operator: an update of RF-DETR nano, which waits for the host, was published to take so long on an L4."""
PARTS = (("data", "forward", "criterion"), ("backward", "update"))
"""The host waits for the GPU between them, for what the matcher reads."""
EVALUATIONS = 1.15
"""The time with evaluations by that of updates alone: a forward pass of some 800 validation images to 2,900 updates of
an image, with a GPU at a third of their work, and COCO's figures."""
CAUTION = 1.5
"""What a projection is divided by: a quote should be too dear rather than too cheap."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="also write benchmarks/results/")
    given = parser.parse_args()
    updates = {(batch, size): work(batch, size) for size in (mean_size(), SIZE) for batch in BATCHES}
    for (batch, size), operators in updates.items():
        print(
            f"{batch} images of {size[0]} x {size[1]}: {sum(op.flops for op in operators) / 1e12:.2f} TFLOP, "
            f"{sum(op.traffic for op in operators) / 1e9:.0f} GB at most, {len(operators):,} operators"
        )
    found = {gpu: _figures(gpu, updates) for gpu in DATA_SHEETS}
    for gpu, figures in found.items():
        print(f"{gpu:<6}{figures['quoted']:>7.1f} images/s in a quote ({figures['source']}); updates alone:")
        print(*(f"      {name}: {speed:.1f}" for name, speed in figures["updates"].items()), sep="\n")
    check = published_check()
    print(f"The reference's form in fp32 on an A100: {check:.2f} images/s projected, 4.5 published")
    print(table())
    _warn(found)
    if given.json:
        content = {"machine": machine(("torch",)), "gpus": found, "reference_on_a100": check}
        (RESULTS / "instance_speeds.json").write_text(json.dumps(content, indent=1) + "\n")


def mean_size() -> tuple[int, int]:
    """Rows and columns of a plan with as many pixels as `room_wall` trains on in the mean; its sides are 3 to 4."""
    pixels = statistics.fmean(side**2 * 4 / 3 for side in RECIPES["room_wall"].training.image_short_sides)
    rows = round(math.sqrt(pixels * 3 / 4))
    return rows, round(rows * 4 / 3)


def update_seconds(operators: Sequence[Operator], sheet: DataSheet) -> float:
    """Of an update on a GPU: of each part of it, the longer of the host's time and the GPU's."""
    return sum(
        max(
            sum(_seconds(each, sheet) for each in operators if each.phase in part),
            sum(HOST_SECONDS for each in operators if each.phase in part),
        )
        for part in PARTS
    )


def _seconds(operator: Operator, sheet: DataSheet) -> float:
    tflops = sheet.bf16_tflops
    if operator.fp32:  # PyTorch rounds the inputs of convolutions to TF32, at half the speed of bf16
        tflops = sheet.bf16_tflops / 2 if "convolution" in operator.name else sheet.fp32_tflops
    arithmetic = operator.flops / (tflops * 1e12 * SHARE_OF_FLOPS)
    traffic = operator.traffic / (sheet.gb_per_second * 1e9 * SHARE_OF_BANDWIDTH)
    return max(arithmetic, traffic, LEAST_SECONDS)


def _figures(gpu: str, updates: Mapping[tuple[int, tuple[int, int]], Sequence[Operator]]) -> dict[str, Any]:
    """Of one GPU: what the quote's table should have, and the projections that it is of."""
    speeds = {
        (batch, size): batch / update_seconds(operators, DATA_SHEETS[gpu])
        for (batch, size), operators in updates.items()
    }
    known = measured(gpu, RESULTS)
    quoted, source = known or (speeds[BATCHES[0], mean_size()] / CAUTION, PROJECTED)
    return {
        "quoted": round(quoted / EVALUATIONS, 1),
        "source": source,
        "data_sheet": asdict(DATA_SHEETS[gpu]),
        "updates": {f"{batch} of {h} x {w}": round(speed, 1) for (batch, (h, w)), speed in speeds.items()},
    }


def measured(gpu: str, results: Path) -> tuple[float, str] | None:
    """Images/s of a training with loading as `python -m benchmarks.gpu` measured them on this model, and when."""
    for file in sorted(results.glob("gpu-*.json")):
        content = json.loads(file.read_text())
        if gpu not in re.split(r"[^A-Za-z0-9]+", content["device"]):
            continue
        for figure in content["sections"].get("training", {"figures": []})["figures"]:
            if figure["name"] == SPEED:
                when = f"measured on {content['measured'][:10]} by python -m benchmarks.gpu at {content['commit']}"
                return float(figure["value"]), when
    return None


def published_check() -> float:
    """What the rules give for what others measured: the reference's form, in fp32, two images at a time."""
    with tempfile.TemporaryDirectory() as folder:
        unpack(BEFORE, CODE, Path(folder))
        operators = work(2, SIZE, precision="fp32", code=Path(folder))
    return 2 / update_seconds(operators, DATA_SHEETS["A100"])


def table() -> str:
    """For docs/performance.md, with what quotes read: the most images per dollar first."""
    training = RECIPES["room_wall"].training
    rows = []
    for name, kind in INSTANCE_TYPES.items():
        speed = speed_of("room_wall", training, name, [], instance_count=1, training_images=1)
        basis = GPU_SPEEDS["room_wall"][kind.gpu.name].source.split()[0]
        across = (
            "" if kind.gpus == 1 else f"; together {speed.images_per_second / _of_one(kind.gpu.name):.3g} times one"
        )
        per_usd = speed.images_per_second * 3600 / float(kind.usd_per_hour)
        gpus = f"{kind.gpus} {kind.gpu.name}"
        cells = f"`{name}` | {gpus} | {kind.usd_per_hour} | {speed.images_per_second:.1f} | {per_usd:,.0f}"
        rows.append((per_usd, f"| {cells} | {basis}{across} |"))
    return "\n".join(
        [
            f"| type | GPUs | USD/h ({PRICES_REGION}, {PRICES_DATE}) | images/s | images per USD | |",
            "|---|---|---|---|---|---|",
            *(row for _, row in sorted(rows, key=lambda row: -row[0])),
        ]
    )


def _of_one(gpu: str) -> float:
    return GPU_SPEEDS["room_wall"][gpu].images_per_second


def _warn(found: Mapping[str, Mapping[str, Any]]) -> None:
    """Where the quote's table is not what was found."""
    for gpu, figures in found.items():
        known = GPU_SPEEDS["room_wall"][gpu]
        if (known.images_per_second, known.source) != (figures["quoted"], figures["source"]):
            print(f'Write "{gpu}": GpuSpeed({figures["quoted"]}, "{figures["source"]}") into gpu_speeds.py.')


if __name__ == "__main__":
    main()
