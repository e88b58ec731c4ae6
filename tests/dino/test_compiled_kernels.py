"""The sampling kernels compile for the GPUs of SageMaker's instances; other tests run them in Triton's interpreter."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.faults

TRAINING: Mapping[str, Any] = {"value": "bf16", "weight": "fp32", "E": 32, "one": False}
CASES: Mapping[str, Mapping[str, Any]] = {
    "A100 of p4d": {**TRAINING, "arch": 80},
    "A10G of g5": {**TRAINING, "arch": 86},
    "L4 of g6, L40S of g6e": {**TRAINING, "arch": 89},
    "H100 and H200 of p5": {**TRAINING, "arch": 90},
    "one query and one token": {**TRAINING, "arch": 86, "E": 8, "one": True},
    "24 features": {**TRAINING, "arch": 86, "E": 24},
    "64 features in fp32": {**TRAINING, "arch": 86, "E": 64, "value": "fp32"},
    "fp64": {**TRAINING, "arch": 86, "value": "fp64", "weight": "fp64"},
}


@pytest.mark.parametrize("case", CASES)
def test_both_kernels_compile(case: str, tmp_path: Path) -> None:
    pytest.importorskip("triton", reason="Triton has no build for this system")
    given = CASES[case]
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.dino.compiled_kernels", json.dumps(given)],
        env={**environment, "TRITON_CACHE_DIR": str(tmp_path)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    compiled = json.loads(done.stdout)
    assert set(compiled) == {"_sample", "_sample_backward"}
    assert all(f".target sm_{given['arch']}" in kernel["ptx"] for kernel in compiled.values())
    # A loop of compare-and-swap, what an addition in bf16 is below sm_90, would be many times slower.
    backward = compiled["_sample_backward"]["ptx"]
    assert re.search(rf"red\.global\S*\.add\S*\.{given['weight'].replace('p', '')}", backward)
    assert ".cas" not in backward
    if given["weight"] == "fp32" and given["E"] <= TRAINING["E"]:
        spilled = [name for name, kernel in compiled.items() if "STACK:0" not in kernel["resources"]]
        assert not spilled, "what does not fit into the registers is read and written again and again"
