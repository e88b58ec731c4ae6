"""Runs the model with torch: what every GPU takes, and what the training job measures."""

import torch
from torch import Tensor

from prediction.backends.torch_images import normalised_on
from prediction.detection import Floats
from prediction.image_tensors import Pixels
from prediction.model_folder import ModelError
from training_code.dino.model import DINO
from training_code.dino.precision import mixed_precision


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

    def run(self, pixels_3HW: Pixels) -> tuple[Floats, Floats]:
        """See Backend."""
        return run_model(self._model, torch.from_numpy(pixels_3HW))


@torch.inference_mode()
def run_model(model: DINO, pixels_3HW: Tensor, *, precision: str = "fp32") -> tuple[Floats, Floats]:
    """What `model`, which is in evaluation mode, gives of one image: see Backend.run.

    One image at a time, because the padding of a batch changes what is found. It is fp32 that all backends predict in;
    a training's evaluations may take its own `precision`.
    """
    device = next(model.parameters()).device
    with mixed_precision(device, precision):
        outputs = model(normalised_on(device, pixels_3HW[None]))
    return outputs["pred_logits"][0].cpu().numpy(), outputs["pred_boxes"][0].cpu().numpy()
