"""What an update asks of a GPU, counted on fake CUDA tensors: its memory, kernels and synchronisations do not grow."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from benchmarks.fake_cuda import NoCompilerError, environment
from benchmarks.step_counts import MOST_GIB, MOST_KERNELS, MOST_SYNCHRONISATIONS, count

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def fake_device() -> Mapping[str, str]:
    try:
        return environment()
    except NoCompilerError as error:
        pytest.skip(str(error))


def test_the_fake_device_counts_what_is_known(fake_device: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "tests.benchmarks.counted_program"]
    done = subprocess.run(command, env={**fake_device}, check=True, stdout=subprocess.PIPE, text=True)
    kernels_and_synchronisations: dict[str, Any] = json.loads(done.stdout)
    # The input rounded to bf16, for the weight's gradient, and the output in fp32.
    assert kernels_and_synchronisations.pop("saved bytes") == [2 * 4 * 6 + 4 * 4 * 10]
    assert kernels_and_synchronisations == {
        "a view": [0, 0],
        "two operators": [2, 0],
        "a number read": [1, 1],
        "a list read": [0, 1],
        "copied to the host, read at once": [0, 1],
        "copied to the host, read after a wait": [1, 1],
        "copied from pageable memory": [1, 1],
        "copied from pinned memory, waited for": [1, 1],
        "copied from pinned memory": [1, 0],
        "made of numbers": [1, 1],
        "indices on the host": [1, 1],
        "on the host alone": [0, 0],
        "attention with a mask": [1, 0],
    }


def test_an_update_of_two_images_keeps_its_memory_kernels_and_synchronisations(fake_device: Mapping[str, str]) -> None:
    found = count(2)
    assert found["gib"] <= MOST_GIB[2]
    assert found["kernels"] <= MOST_KERNELS
    assert found["synchronisations"] <= MOST_SYNCHRONISATIONS, found["synchronisations_by_line"]
