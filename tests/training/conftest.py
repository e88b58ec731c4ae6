"""The data set and the job that most tests start from."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.training.scripted_evaluation import Scripted, ScriptedEvaluation
from tests.training.training_jobs import SMALL, Job, write_dataset
from training_code.loop import shipping, split_metrics


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set, not to be changed."""
    root = tmp_path_factory.mktemp("dataset")
    write_dataset(root)
    return root


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job with the data set and SMALL's hyperparameters."""
    job = Job(tmp_path / "ml")
    write_dataset(job.dataset)
    job.configure(**SMALL)
    return job


@pytest.fixture
def kept_sigterm() -> Iterator[None]:
    """Put the handler of SIGTERM back, which a job within the test's own process replaces."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture(autouse=True)
def not_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job within the test's own process leaves out the export, which takes a second: test_model_export.py has it."""
    monkeypatch.setattr(shipping, "export_model", lambda *_: None)


@pytest.fixture
def run_here(job: Job, monkeypatch: pytest.MonkeyPatch, kept_sigterm: None) -> Job:
    """The job is to run within the test's own process, which is faster."""
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(job.base))
    return job


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Small tensors gain nothing from more threads, and tests may run beside each other."""
    torch.set_num_threads(1)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Makes the trainer use a ScriptedEvaluation."""

    def use(evaluation: ScriptedEvaluation) -> ScriptedEvaluation:
        monkeypatch.setattr(split_metrics, "evaluate", evaluation.evaluate)
        monkeypatch.setattr(split_metrics, "predict_split", evaluation.predict_split)
        return evaluation

    return use
