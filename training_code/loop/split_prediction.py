"""Runs the model over a whole split, shared out among the processes."""

from collections.abc import Callable
from contextlib import closing

import numpy as np

from evaluation.metrics import ImageDetections
from prediction.backends.torch_backend import run_model
from prediction.detection import best_detections
from training_code.data.batches import BatchLoader, EvaluationBatchSampler
from training_code.data.plan_dataset import PlanDataset
from training_code.dino.model import DINO
from training_code.job.distributed import DistributedContext
from training_code.job.interruptions import StopRequest
from training_code.loop.non_finite import non_finite_prediction


def predict_split(
    model: DINO,
    dataset: PlanDataset,
    distributed: DistributedContext,
    *,
    precision: str,
    stop: StopRequest,
    after_batch: Callable[[], None],
) -> list[ImageDetections] | None:
    """The detections on all of `dataset`, in every process; None if any process was asked to stop.

    They are the Predictor's, where `precision` is fp32: each image by itself.

    Raises:
        DataError: an image cannot be read.
        NonFiniteLossError: what the model predicts are no numbers.
    """
    model.eval()
    category_ids = dataset.category_ids.tolist()
    own: list[ImageDetections] = []
    sampler = EvaluationBatchSampler(dataset, rank=distributed.rank, world_size=distributed.world_size)
    with closing(BatchLoader(dataset, pin_memory=distributed.device.type == "cuda")) as loader:
        for batch in loader.read(sampler):
            if stop.received:
                break
            [pixels_3HW], [position] = batch.pixels, batch.positions
            width, height = dataset.sizes[position].tolist()
            found = best_detections(*run_model(model, pixels_3HW, precision=precision), (width, height), category_ids)
            if not (np.isfinite(found.scores).all() and np.isfinite(found.boxes).all()):
                raise non_finite_prediction(dataset, position)
            own.append(ImageDetections(int(dataset.image_ids[position]), *found))
            after_batch()
    parts = distributed.gather((stop.received, own))
    if any(stopped for stopped, _ in parts):
        return None
    return [detections for _, part in parts for detections in part]
