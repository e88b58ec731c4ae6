"""Equality with the upstream implementation, by its recorded references and scripts; skipped where these are absent.

Those in fp64 (ref64/) must be met to 1e-9, the scripts' own default, in outputs, losses and all gradients. This holds
on any processor and with any number of threads: rounding moves results by about 1e-13. Two forward passes keep the
tests short; a training step is for `make faults`. All fp64 references, from the repository's root, take a minute of CPU
time:

    PYTHONPATH=.:tests .venv/bin/python ../shared/parity/compare.py --impl parity_adapter:build \
        --ref ../shared/parity/ref64/eval_*.pt
    PYTHONPATH=.:tests .venv/bin/python ../shared/parity/compare_train.py --impl parity_adapter \
        --ref ../shared/parity/ref64/train_*.pt
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PARITY = Path(__file__).parents[3] / "shared" / "parity"

pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason="the upstream references are not on this machine")


@pytest.fixture(scope="module", autouse=True)
def shared_weights() -> Iterator[None]:
    """Make the weights once: all references here use the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PARITY)
        weights = importlib.import_module("refweights")
        patch.setattr(weights, "make_state_dict", functools.cache(weights.make_state_dict))
        yield


@pytest.mark.parametrize(
    ("script", "implementation", "reference"),
    [
        ("compare", "tests.parity_adapter:build", "ref64/eval_nc2_q60_odd.pt"),
        pytest.param("compare_train", "tests.parity_adapter", "ref64/train_nc2_q60_3_7.pt", marks=pytest.mark.faults),
        ("compare", "tests.parity_adapter:build", "ref/eval_nc2_q60_odd.pt"),  # in fp32, to the script's 5e-5
    ],
)
def test_an_upstream_reference_is_reproduced(
    script: str,
    implementation: str,
    reference: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [script, "--impl", implementation, "--ref", str(PARITY / reference)])
    with pytest.raises(SystemExit) as end:
        importlib.import_module(script).main()
    report = capsys.readouterr().out
    assert not end.value.code and report.startswith("OK "), report
