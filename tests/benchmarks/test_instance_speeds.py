"""How a GPU's speed is made: measured where a benchmark ran on it, else of what its operators compute and move."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.full_step import SIZE
from benchmarks.gpu.training import SPEED
from benchmarks.gpu_work import Operator, work
from benchmarks.instance_speeds import (
    DATA_SHEETS,
    HOST_SECONDS,
    LEAST_SECONDS,
    SHARE_OF_BANDWIDTH,
    SHARE_OF_FLOPS,
    mean_size,
    measured,
    update_seconds,
)

SHEET = DATA_SHEETS["A10G"]
FLOPS, TRAFFIC = 10**12, 10**10
ARITHMETIC_SECONDS = FLOPS / (SHEET.bf16_tflops * 1e12 * SHARE_OF_FLOPS)
TRAFFIC_SECONDS = TRAFFIC / (SHEET.gb_per_second * 1e9 * SHARE_OF_BANDWIDTH)


def operator(phase: str = "forward", *, flops: int = 0, traffic: int = 0) -> Operator:
    return Operator(phase, "mm", flops, traffic, fp32=False)


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ([operator(flops=FLOPS)], ARITHMETIC_SECONDS),
        ([operator(flops=FLOPS, traffic=TRAFFIC)], max(ARITHMETIC_SECONDS, TRAFFIC_SECONDS)),
        ([operator(flops=FLOPS), operator(traffic=TRAFFIC)], ARITHMETIC_SECONDS + TRAFFIC_SECONDS),
        ([operator()] * 100, 100 * max(HOST_SECONDS, LEAST_SECONDS)),
        ([operator(flops=FLOPS), *[operator("backward")] * 100], ARITHMETIC_SECONDS + 100 * HOST_SECONDS),
    ],
    ids=["arithmetic", "the longer of both", "one after the other", "the host", "the host waits between"],
)
def test_an_update_takes_as_long_as_what_it_waits_for(operators: list[Operator], expected: float) -> None:
    assert update_seconds(operators, SHEET) == pytest.approx(expected)


def test_the_mean_size_of_training_has_half_the_pixels_of_the_largest() -> None:
    rows, columns = mean_size()
    assert columns / rows == pytest.approx(4 / 3, abs=0.01)
    assert rows * columns / (SIZE[0] * SIZE[1]) == pytest.approx(0.525, abs=0.01)


def result(folder: Path, device: str, *, name: str = SPEED) -> None:
    """What `python -m benchmarks.gpu` writes, as far as it is read."""
    content = {
        "device": device,
        "measured": "2027-01-02 10:00 UTC",
        "commit": "abc1234",
        "sections": {"training": {"figures": [{"name": "steps", "value": 300.0}, {"name": name, "value": 7.5}]}},
    }
    (folder / f"gpu-{device.lower().replace(' ', '-')}.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("gpu", "device"),
    [
        ("A10G", "NVIDIA A10G"),
        ("L4", "NVIDIA L4"),
        ("A100", "NVIDIA A100-SXM4-40GB"),
        ("H100", "NVIDIA H100 80GB HBM3"),
    ],
)
def test_a_measured_speed_goes_before_a_projected_one(gpu: str, device: str, tmp_path: Path) -> None:
    result(tmp_path, device)
    assert measured(gpu, tmp_path) == (7.5, "measured on 2027-01-02 by python -m benchmarks.gpu at abc1234")


def test_what_was_measured_on_another_gpu_or_not_to_its_end_is_no_speed(tmp_path: Path) -> None:
    assert measured("L4", tmp_path) is None
    result(tmp_path, "NVIDIA L40S")
    result(tmp_path, "NVIDIA L4", name="losses")
    assert measured("L4", tmp_path) is None


@pytest.mark.faults
def test_an_updates_operators_are_counted_with_their_arithmetic_and_traffic() -> None:
    """A multiple of what the paper's 279 G multiplications and additions forwards take."""
    operators = work(1, SIZE)
    forward = sum(each.flops for each in operators if each.phase == "forward")
    assert forward == pytest.approx(2 * 279e9, rel=0.1)
    assert sum(each.flops for each in operators) == pytest.approx(2.9 * forward, rel=0.1)
    sampling = [each for each in operators if each.name == "floorplan_dino::sample"]
    assert max(each.traffic for each in sampling) > 22_223 * 8 * 16 * 4 * 32 * 2
