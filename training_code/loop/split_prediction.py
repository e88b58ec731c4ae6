"""Runs the model over a whole split, shared out among the processes."""

from collections.abc import Callable

import torch

from evaluation.metrics import ImageDetections
from training_code.data.batches import EvaluationBatchSampler, load_batches
from training_code.data.plan_dataset import PlanDataset
from training_code.dino.model import DINO
from training_code.dino.post_processing import post_process
from training_code.job.distributed import DistributedContext
from training_code.job.watch import StopRequest


@torch.inference_mode()
def predict_split(
    model: DINO, images: PlanDataset, processes: DistributedContext, *, stop: StopRequest, progress: Callable[[], None]
) -> list[ImageDetections] | None:
    """The detections on all of `images`, in every process; None if any process was asked to stop.

    `progress` is called after each batch.

    Raises:
        DataError: an image cannot be read.
    """
    model.eval()
    own: list[ImageDetections] = []
    draws = EvaluationBatchSampler(images, rank=processes.rank, world_size=processes.world_size)
    for batch in load_batches(images, draws, pin_memory=processes.device.type == "cuda"):
        if stop.received:
            break
        on_device = batch.to(processes.device)
        outputs = model(on_device.images, on_device.mask)
        sizes_B2 = torch.from_numpy(images.sizes[batch.positions][:, ::-1].copy()).to(processes.device)
        for position, found in zip(
            batch.positions, post_process(outputs, sizes_B2, model.config.num_select), strict=True
        ):
            scores, labels, boxes = (found[name].cpu().numpy() for name in ("scores", "labels", "boxes"))
            own.append(ImageDetections(int(images.image_ids[position]), scores, labels, boxes))
        progress()
    parts = processes.gather((stop.received, own))
    if any(stopped for stopped, _ in parts):
        return None
    return [detections for _, part in parts for detections in part]
