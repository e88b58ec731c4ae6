"""What predicting on a plan takes with each backend: time, processor time and memory, each in a process of its own.

    python benchmarks/predict_backends.py [--rounds 3] [--json]

The model is `room_wall` with random weights, which cost as much as trained ones. Each process has one core, so that
threads that wait for one another add nothing. The goal: OpenVINO takes at most a third of the processor time that torch
took before its attention was made faster (docs/decisions/0016-sampling-operator.md).
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.measuring import ROOT, Cost, in_turn, parser, report, run_side, scratch, side, start, work
from prediction.backends.choice import open_backend
from prediction.backends.onnx_file import ONNX_NAME
from prediction.model_folder import MODEL_FORMAT, read_settings
from prediction.predictor import Predictor
from training_code.recipes import RECIPES

SIZES = ((480, 640), (800, 1066))
"""Height and width of what the model gets; the second is that of most plans."""
BACKENDS = ("torch", "onnx", "openvino")
BF16 = "openvino, bf16"
"""What OpenVINO would choose by itself on a processor that has it; only measured."""
EARLIER = "0067a88"
"""The commit with that torch."""
PLANS = 3
"""On which each process predicts, after one that is not counted."""


def main() -> None:
    from benchmarks.earlier_checkout import checkout_of  # noqa: PLC0415  an earlier commit's side lacks it

    given = parser("Compare what runs a model: torch, onnxruntime, OpenVINO.", rounds=3).parse_args()
    with scratch(given) as folder:
        write_model(folder)
        with checkout_of(EARLIER, folder / "earlier") as earlier:
            sides = {f"torch, at {EARLIER}": ("torch", earlier), **{name: (name, ROOT) for name in BACKENDS}}
            if has_bf16():
                sides[BF16] = BF16, ROOT
            tables = {
                f"a plan of {width} x {height} pixels": measure(folder, height, width, sides, given.rounds)
                for height, width in SIZES
            }
    goals = {
        f"OpenVINO's processor time in torch's at {EARLIER}, {title}": (
            costs["openvino"].work_cpu_s / costs[f"torch, at {EARLIER}"].work_cpu_s,
            1 / 3,
        )
        for title, costs in tables.items()
    }
    report("predict_backends", given, tables, goals=goals, packages=("torch", "onnxruntime", "openvino"))


def write_model(folder: Path) -> None:
    """A model as a training job leaves it."""
    import torch  # noqa: PLC0415  the other sides do without
    from safetensors.torch import save_file  # noqa: PLC0415

    from prediction.export import exported  # noqa: PLC0415
    from prediction.torch_model import weights_by_name  # noqa: PLC0415
    from training_code.dino.model import build_model  # noqa: PLC0415

    torch.manual_seed(0)
    model = build_model(RECIPES["room_wall"].model.with_classes(3)).eval()
    save_file(weights_by_name(model), folder / "model.safetensors")
    (folder / ONNX_NAME).write_bytes(exported(model))
    config = {
        "format": MODEL_FORMAT,
        "model": dataclasses.asdict(model.config),
        "classes": [{"id": 1, "name": "wall"}, {"id": 2, "name": "room"}],
        "image": {"short_side": 800, "max_side": 1333},
    }
    (folder / "config.json").write_text(json.dumps(config))


def has_bf16() -> bool:
    """Whether OpenVINO would compute in it here."""
    import openvino  # noqa: PLC0415

    return "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def measure(
    folder: Path, height: int, width: int, sides: Mapping[str, tuple[str, Path]], rounds: int
) -> dict[str, Cost]:
    """By side, a back end of a checkout: what one plan costs, and the peak memory of its process."""
    processes = {
        title: partial(
            run_side,
            side(__file__, folder, name, str(height), str(width)),
            {**os.environ, "PYTHONPATH": str(checkout)},
        )
        for title, (name, checkout) in sides.items()
    }
    return {
        name: dataclasses.replace(cost, work_s=cost.work_s / PLANS, work_cpu_s=cost.work_cpu_s / PLANS)
        for name, cost in in_turn(processes, rounds).items()
    }


def predict(folder: str, name: str, height: str, width: str) -> None:
    """One side: load the model, predict on one plan, then on PLANS more, which are counted."""
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    settings = dataclasses.replace(read_settings(Path(folder)), short_side=min(int(height), int(width)))
    if name == BF16:
        from prediction.backends.openvino_backend import OpenVinoBackend  # noqa: PLC0415

        predictor = Predictor(settings, OpenVinoBackend(Path(folder) / ONNX_NAME, settings, precision="bf16"))
    else:
        predictor = Predictor(settings, open_backend(Path(folder), settings, name=name, device="cpu"))
    pixels = np.random.default_rng(1).integers(0, 256, (int(height), int(width), 3), dtype=np.uint8)
    plan = Image.fromarray(pixels)
    predictor.predict(plan)
    with work():
        for _ in range(PLANS):
            predictor.predict(plan)


if __name__ == "__main__":
    start(main, predict)
