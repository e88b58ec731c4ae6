"""What a trained model finds on plans: three lines of Python, or `python -m prediction`.

from prediction import load

detections = load("build/demo/model").predict("plan.png")
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prediction.predictor import Predictor


def load(model: Path | str, *, backend: str = "auto", device: str | None = None) -> Predictor:
    """The model in a model.tar.gz, in the folder that it unpacks to, or in either of them at s3://...

    `backend` is "openvino", "onnx" or "torch", `device` torch's name of one: by default the fastest that is there.

    Raises:
        PlaceError: there is no such file, it cannot be unpacked, or not be downloaded.
        ModelError: a file of the model is missing, damaged or of another format, or the backend or device is not there.
    """
    from prediction.predictor import Predictor  # noqa: PLC0415  imports NumPy and Pillow

    if Path(model).is_dir():
        return Predictor.load(model, device, backend=backend)
    try:
        from prediction.places.model import model_folder  # noqa: PLC0415
    except ModuleNotFoundError:  # the code in a model.tar.gz takes folders only
        return Predictor.load(model, device, backend=backend)
    with tempfile.TemporaryDirectory(prefix="model-") as scratch:
        return Predictor.load(model_folder(model, Path(scratch)), device, backend=backend)
