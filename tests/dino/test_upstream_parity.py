"""Equality with the upstream implementation, by its recorded references and scripts; skipped where these are absent.

One forward pass and one training step keep the tests short. All references, from the repository's root:

    PYTHONPATH=. python ../shared/parity/compare.py --impl tests.parity_adapter:build --ref ../shared/parity/ref/eval_*
    PYTHONPATH=. python ../shared/parity/compare_train.py --impl tests.parity_adapter --ref ../shared/parity/ref/train_*
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

PARITY = Path(__file__).parents[3] / "shared" / "parity"

pytestmark = pytest.mark.skipif(not PARITY.is_dir(), reason="the upstream references are not on this machine")


@pytest.fixture(scope="module", autouse=True)
def shared_weights() -> Iterator[None]:
    """Make the weights once: both references use the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PARITY)
        weights = importlib.import_module("refweights")
        patch.setattr(weights, "make_state_dict", functools.cache(weights.make_state_dict))
        yield


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    """As the references were made: a sum in another order switches ReLUs near zero, and their gradients."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("script", "impl", "reference"),
    [
        ("compare", "tests.parity_adapter:build", "eval_nc2_q60_odd.pt"),
        ("compare_train", "tests.parity_adapter", "train_nc2_q60_3_7.pt"),
    ],
)
def test_upstreams_numbers_are_reproduced(
    script: str, impl: str, reference: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [script, "--impl", impl, "--ref", str(PARITY / "ref" / reference)])
    with pytest.raises(SystemExit) as end:
        importlib.import_module(script).main()
    report = capsys.readouterr().out
    assert not end.value.code and report.startswith("OK "), report
