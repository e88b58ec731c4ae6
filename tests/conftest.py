"""What holds for all tests."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

# No test is timed: an example that is slow on a busy machine says nothing about the product.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

LONGEST_FIRST = (
    "end_to_end/test_pipeline.py",
    "end_to_end/test_faults_before_training.py",
    "end_to_end/test_enforced_iam.py",
    "end_to_end/test_faults_in_training.py",
    "end_to_end/test_large_dataset.py",
    "end_to_end/test_people.py",
    "end_to_end/test_failed_jobs.py",
    "end_to_end/test_earlier_model.py",
    "dino/test_upstream_parity.py",
    "prep/test_hostile_sources.py",
    "training/test_early_stopping.py",
    "training/test_best_epoch.py",
    "training/test_training_job.py",
    "stacks/test_cfn_lint.py",
    "local_aws/test_deployment.py",
    "training/test_disk.py",
    "training/test_earlier_model.py",
    "local_aws/test_sagemaker_jobs.py",
    "demo/test_demo_interruption.py",
    "local_aws/test_ministack.py",
    "local_aws/test_gate.py",
)
"""Several processes share the tests file by file: one that began a long file last would keep the others waiting."""

# Before torch imports Triton: its kernels then run in Triton's interpreter, which needs no GPU.
os.environ["TRITON_INTERPRET"] = "1"
# Before torch is imported: on cores that several tests share, OpenMP's threads mostly wait for each other, spinning.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell that starts the tests in the background lets them and all they start ignore Ctrl-C, which tests send.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {f"tests/{name}": number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))
