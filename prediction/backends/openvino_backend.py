"""Runs an exported model with OpenVINO, on the processor: the least time of all without a GPU."""

from pathlib import Path

import openvino

from prediction.backends.onnx_file import INPUT, OUTPUTS, check_onnx, checked_outputs, onnx_failures
from prediction.detection import Floats
from prediction.image_tensors import Pixels, normalised
from prediction.model_folder import ModelSettings


class OpenVinoBackend:
    """A model.onnx in OpenVINO."""

    name = "openvino"

    def __init__(self, path: Path, settings: ModelSettings, *, precision: str = "f32") -> None:
        """`precision` is what it computes in. OpenVINO's own choice, bf16 where the processor has it, moves boxes.

        Raises ModelError: the file is missing, damaged, not of this project or of another model.
        """
        check_onnx(path, settings)
        self._path, self._settings = path, settings
        options = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        with onnx_failures(path, "OpenVINO"):
            self._request = openvino.Core().compile_model(path, "CPU", options).create_infer_request()

    def run(self, pixels_3HW: Pixels) -> tuple[Floats, Floats]:
        """See Backend. Raises ModelError: the model is not what its metadata say."""
        with onnx_failures(self._path, "OpenVINO"):
            self._request.infer({INPUT: normalised(pixels_3HW)[None]})
            logits, boxes = (self._request.get_tensor(name).data.copy() for name in OUTPUTS)
            return checked_outputs((logits, boxes), self._settings)
