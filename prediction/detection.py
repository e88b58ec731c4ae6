"""Runs the model on one image: the one way in which the Predictor and the figures of metrics.json come about."""

from collections.abc import Collection

import torch
from torch import Tensor

from prediction.image_tensors import pad_to_batch
from training_code.dino.model import DINO
from training_code.dino.outputs import Prediction
from training_code.dino.post_processing import Detections, post_process


@torch.inference_mode()
def detect(model: DINO, image_3HW: Tensor, size: tuple[int, int], category_ids: Collection[int]) -> Detections:
    """What `model`, which is in evaluation mode, finds on one image, on the CPU, best first.

    As many as the model has queries. Only the classes of `category_ids` count, so that a logit without a class takes
    no detection's place. Boxes are in pixels of an image of `size` (width, height), and within it. One image at a
    time, because the padding of a batch changes what is found.
    """
    parameter = next(model.parameters())
    images_13HW, mask_1HW = pad_to_batch([image_3HW])
    outputs = model(images_13HW.to(parameter.device), mask_1HW.to(parameter.device))
    ids_C = torch.tensor(sorted(category_ids), device=parameter.device)
    known: Prediction = {"pred_logits": outputs["pred_logits"][..., ids_C], "pred_boxes": outputs["pred_boxes"]}
    size_12 = torch.tensor([[size[1], size[0]]], device=parameter.device)
    [found] = post_process(known, size_12, num_select=outputs["pred_boxes"].shape[1])
    boxes_k4 = found["boxes"].cpu().clamp(min=torch.zeros(4), max=torch.tensor([*size, *size]))
    return {"scores": found["scores"].cpu(), "labels": ids_C[found["labels"]].cpu(), "boxes": boxes_k4}
