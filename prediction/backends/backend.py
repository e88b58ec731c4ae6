"""What the Predictor asks of whatever runs the model."""

from typing import Protocol

from prediction.detection import Floats
from prediction.image_tensors import Pixels


class Backend(Protocol):
    """A model that is loaded. Not to be used by several threads at once."""

    name: str
    """As a person names it: torch, onnx or openvino."""

    def run(self, pixels_3HW: Pixels) -> tuple[Floats, Floats]:
        """An image (3, H, W) of any size, in 8 bits -> logits (Q, C) and boxes (Q, 4) cxcywh in shares of the image."""
