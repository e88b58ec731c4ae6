"""What the Predictor asks of whatever runs the model."""

from typing import Protocol

from prediction.detection import Floats


class Backend(Protocol):
    """A model that is loaded. Not to be used by several threads at once."""

    name: str
    """As a person names it: torch, onnx or openvino."""

    def run(self, image_3HW: Floats) -> tuple[Floats, Floats]:
        """A normalised image (3, H, W) of any size -> logits (Q, C) and boxes (Q, 4) cxcywh in shares of the image."""
