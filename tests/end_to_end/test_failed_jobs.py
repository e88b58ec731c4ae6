"""A job that fails in each of the trainer's ways ends its run with the failure's code, one message, and no job left."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import numpy as np
import pytest
import safetensors.numpy

from tests.end_to_end.changed_training import tiny_preset
from tests.end_to_end.deployed import Deployed, wait_until
from tests.end_to_end.job_process import workers_of
from training_code.config import MOST_PIXELS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240), pytest.mark.usefixtures("dataset_version")]


@pytest.mark.parametrize(
    ("tensor", "value", "said"),
    [
        ("transformer.level_embed", np.full((4, 64), 1e38, np.float32), "NAN_LOSS: the loss or its gradient at"),
        ("of another model", np.zeros(3, np.float32), "CONFIG: No tensor of the checkpoint fits the model"),
    ],
    ids=["NAN_LOSS", "CONFIG"],
)
def test_weights_that_cannot_be_trained(deployed: Deployed, tensor: str, value: np.ndarray, said: str) -> None:
    deployed.put("pretrained/unfit.safetensors", safetensors.numpy.save({tensor: value}))
    execution = deployed.run(epochs=1, pretrained="unfit.safetensors")
    deployed.assert_failed(execution, "TrainingFailed", said)


def test_images_larger_than_the_memory(deployed: Deployed) -> None:
    with tiny_preset(deployed, image_short_sides=(MOST_PIXELS,), image_max_side=MOST_PIXELS, batch_size=1024):
        execution = deployed.run(epochs=1)
    deployed.assert_failed(execution, "TrainingFailed", "OOM: the memory does not suffice", '"batch_size": 512')


def test_an_image_whose_reading_does_not_end(deployed: Deployed) -> None:
    """As from a disk over the network; the watch, which has more patience, finds the job ended."""
    follower, name = deployed.start_training(epochs=500, training={"stall_minutes": 0.25, "workers": 1})
    wait_until(lambda: deployed.log_end(name).training != ())
    (worker,) = workers_of(name)
    os.kill(worker, signal.SIGSTOP)
    try:
        execution = follower.wait_for_end()
    finally:
        with suppress(ProcessLookupError):  # it ended with its job
            os.kill(worker, signal.SIGKILL)
    deployed.assert_failed(execution, "TrainingFailed", "STALL: no step was finished for 0.25 minutes")
    assert execution.job is not None
    assert execution.job.status == "Failed"
