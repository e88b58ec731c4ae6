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
    """As the references were made."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


def report_of(script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What `script` prints of a reference that it finds reproduced."""
    monkeypatch.setattr(sys, "argv", [script, *options])
    with pytest.raises(SystemExit) as end:
        importlib.import_module(script).main()
    report = capsys.readouterr().out
    assert not end.value.code and report.startswith("OK "), report
    return report


def test_upstreams_answers_are_reproduced(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    reference = str(PARITY / "ref" / "eval_nc2_q60_odd.pt")
    report_of("compare", monkeypatch, capsys, "--impl", "tests.parity_adapter:build", "--ref", reference)


def test_upstreams_training_step_is_reproduced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Losses to 1e-4, gradients to 2e-2 (20 times the script's rtol).

    The recorded gradients are no better than that: they are fp32, and fp64 differs from them by up to 1.0e-2, because
    what fp32 rounds switches ReLUs near zero in the backbone. A processor that rounds as the recording one did gives
    2e-3; one with AVX2 only gives 9e-3, and its gradients are nearer to fp64's (3e-3) than the recorded ones are.
    """
    reference = str(PARITY / "ref" / "train_nc2_q60_3_7.pt")
    options = ("--impl", "tests.parity_adapter", "--ref", reference, "--rtol", "1e-3")
    words = report_of("compare_train", monkeypatch, capsys, *options).split()
    assert float(words[words.index("loss") + 1]) <= 1e-4
    assert float(words[words.index("total") + 1]) <= 1e-4
