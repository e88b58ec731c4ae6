"""Runs the model with torch: what every GPU takes, and what the training job measures."""

import torch
from torch import Tensor

from prediction.detection import Floats
from prediction.model_folder import ModelError
from training_code.dino.model import DINO


class TorchBackend:
    """A DINO in evaluation mode on a device."""

    name = "torch"

    def __init__(self, model: DINO, device: str = "cpu") -> None:
        """Raises ModelError: PyTorch cannot use the device here."""
        try:
            self._model = model.to(device).eval()
        except (RuntimeError, AssertionError) as error:  # the latter is what PyTorch without CUDA raises
            reason = str(error).splitlines()[0]
            raise ModelError(f"PyTorch cannot use the device {device!r} here ({reason}): give device='cpu'.") from error

    def run(self, image_3HW: Floats) -> tuple[Floats, Floats]:
        """See Backend."""
        return run_model(self._model, torch.from_numpy(image_3HW))


@torch.inference_mode()
def run_model(model: DINO, image_3HW: Tensor) -> tuple[Floats, Floats]:
    """What `model`, which is in evaluation mode, gives of one image: see Backend.run.

    One image at a time, because the padding of a batch changes what is found.
    """
    images_13HW = image_3HW[None].to(next(model.parameters()).device)
    outputs = model(images_13HW)
    return outputs["pred_logits"][0].cpu().numpy(), outputs["pred_boxes"][0].cpu().numpy()
