"""Runs an exported model with onnxruntime, on the processor: the smallest installation, which a Lambda has room for."""

from pathlib import Path

import onnxruntime

from prediction.backends.onnx_file import INPUT, OUTPUTS, check_onnx, checked_outputs, onnx_failures
from prediction.detection import Floats
from prediction.image_tensors import Pixels, normalised
from prediction.model_folder import ModelSettings

_ERRORS_ONLY = 3


class OnnxRuntimeBackend:
    """A model.onnx in onnxruntime."""

    name = "onnx"

    def __init__(self, path: Path, settings: ModelSettings) -> None:
        """Raises ModelError: the file is missing, damaged, not of this project or of another model."""
        check_onnx(path, settings)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        # Idle threads sleep: waiting at full speed saves hardly a millisecond of the second that an image takes.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._path, self._settings = path, settings
        with onnx_failures(path, "onnxruntime"):
            self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(self, pixels_3HW: Pixels) -> tuple[Floats, Floats]:
        """See Backend. Raises ModelError: the model is not what its metadata say."""
        with onnx_failures(self._path, "onnxruntime"):
            logits, boxes = self._session.run(OUTPUTS, {INPUT: normalised(pixels_3HW)[None]})
            return checked_outputs((logits, boxes), self._settings)
