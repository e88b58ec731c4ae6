"""Runs the model over a whole split, shared out among the processes."""

from collections.abc import Callable

import torch

from evaluation.metrics import ImageDetections
from training_code.data.batches import EvaluationBatchSampler, load_batches
from training_code.data.plan_dataset import PlanDataset
from training_code.dino.model import DINO
from training_code.dino.post_processing import post_process
from training_code.job.distributed import DistributedContext
from training_code.job.interruptions import StopRequest


@torch.inference_mode()
def predict_split(
    model: DINO,
    dataset: PlanDataset,
    distributed: DistributedContext,
    *,
    stop: StopRequest,
    after_batch: Callable[[], None],
) -> list[ImageDetections] | None:
    """The detections on all of `dataset`, in every process; None if any process was asked to stop.

    Raises:
        DataError: an image cannot be read.
    """
    model.eval()
    own: list[ImageDetections] = []
    sampler = EvaluationBatchSampler(dataset, rank=distributed.rank, world_size=distributed.world_size)
    for batch in load_batches(dataset, sampler, pin_memory=distributed.device.type == "cuda"):
        if stop.received:
            break
        on_device = batch.to(distributed.device)
        outputs = model(on_device.images, on_device.mask)
        sizes_B2 = torch.from_numpy(dataset.sizes[batch.positions][:, ::-1].copy()).to(distributed.device)
        for position, found in zip(
            batch.positions, post_process(outputs, sizes_B2, model.config.num_select), strict=True
        ):
            scores, labels, boxes = (found[name].cpu().numpy() for name in ("scores", "labels", "boxes"))
            own.append(ImageDetections(int(dataset.image_ids[position]), scores, labels, boxes))
        after_batch()
    parts = distributed.gather((stop.received, own))
    if any(stopped for stopped, _ in parts):
        return None
    return [detections for _, part in parts for detections in part]
