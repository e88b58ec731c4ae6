"""Writes model.onnx, the exported form of a trained model, and checks that it finds what PyTorch finds.

    python -m prediction export build/last-run/model

Images may have any size. The exporter is PyTorch's older one, by tracing: see docs/decisions/0014-onnx-by-tracing.md.
"""

import copy
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from dataset_contract.atomic_write import atomic_path
from prediction.backends.onnx_file import CLASSES_KEY, FORMAT_KEY, INPUT, ONNX_FORMAT, OUTPUTS
from prediction.backends.onnxruntime_backend import OnnxRuntimeBackend
from prediction.backends.torch_backend import run_model
from prediction.detection import Detections, best_detections
from prediction.image_tensors import Pixels
from prediction.model_folder import ModelSettings
from training_code.dino.model import DINO

OPSET = 20
"""Of ONNX: what onnxruntime and OpenVINO know since 2024."""
SCORE_TOLERANCE = 0.001
"""By how much a score may differ."""
BOX_TOLERANCE = 0.001
"""By how much an edge of a box may differ, in shares of the image's longer side: a pixel of what the model sees."""
MOST_UNMATCHED = 0.05
"""The share of a picture's detections that may differ more. Two tokens of equal rank may swap places, and the queries
that start from them then find something else: at the end of the list, where no threshold reaches."""


class ExportError(Exception):
    """The exported model does not find what PyTorch finds; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How far the detections of two backends on one image are apart."""

    unmatched: float
    """Share of the detections of one that the other does not have within the tolerances."""
    score: float
    """The largest difference of the others' scores."""
    box: float
    """The largest of their boxes' edges, in shares of the image's longer side."""


class _OneImage(nn.Module):
    """The model of an image (1, 3, H, W) without padding, in the form of Backend.run."""

    def __init__(self, model: DINO) -> None:
        super().__init__()
        self.model = model

    def forward(self, image_13HW: Tensor) -> tuple[Tensor, Tensor]:
        outputs = self.model(image_13HW)
        return outputs["pred_logits"][0], outputs["pred_boxes"][0]


def export_checked(model: DINO, settings: ModelSettings, path: Path, images: Sequence[Pixels]) -> Difference:
    """Write the exported form of `model` to `path` if it finds on each of `images` (3, H, W) what PyTorch finds.

    Returns the largest differences. `model` stays as and where it is. Both compute in fp32, on the CPU.

    Raises:
        ExportError: it finds something else; nothing is written.
    """
    model = copy.deepcopy(model).cpu().eval()
    with atomic_path(path) as temporary:
        temporary.write_bytes(exported(model))
        backend = OnnxRuntimeBackend(temporary, settings)
        found = [_difference_on(pixels_3HW, model, backend, settings) for pixels_3HW in images]
        worst = Difference(*map(max, zip(*((each.unmatched, each.score, each.box) for each in found), strict=True)))
        if worst.unmatched > MOST_UNMATCHED:
            raise ExportError(
                f"the exported model does not find what PyTorch finds: of a picture, {worst.unmatched:.0%} of the"
                f" detections differ by a score of more than {SCORE_TOLERANCE} or {BOX_TOLERANCE:.1%} of its side"
            )
    return worst


def exported(model: DINO) -> bytes:
    """The content of model.onnx: `model`, which is on the CPU and in evaluation mode, for images of any size."""
    image_13HW = torch.zeros(1, 3, 96, 128)  # its size leaves no trace
    with tempfile.TemporaryDirectory(prefix="export-") as scratch, warnings.catch_warnings(), torch.no_grad():
        path = Path(scratch) / "traced.onnx"
        warnings.simplefilter("ignore")  # that the exporter is the older one, and what tracing cannot see
        torch.onnx.export(
            _OneImage(model),
            (image_13HW,),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_axes={INPUT: {2: "height", 3: "width"}, **{name: {0: "queries"} for name in OUTPUTS}},
        )
        proto = onnx.load(path)
    onnx.helper.set_model_props(proto, {FORMAT_KEY: ONNX_FORMAT, CLASSES_KEY: str(model.config.num_classes)})
    return bytes(proto.SerializeToString())


def difference(one: Detections, other: Detections, longer_side: float) -> Difference:
    """How far two backends' detections on one image are apart, as sets: equal scores have no order."""
    scores_kj = np.abs(one.scores[:, None] - other.scores)
    boxes_kj = np.abs(one.boxes[:, None] - other.boxes).max(-1) / longer_side
    close_kj = (one.labels[:, None] == other.labels) & (scores_kj <= SCORE_TOLERANCE) & (boxes_kj <= BOX_TOLERANCE)
    distance_kj = np.where(close_kj, scores_kj + boxes_kj, np.inf)
    pairs: list[tuple[int, int]] = []
    for k in range(len(one.scores)):
        j = int(distance_kj[k].argmin())
        if distance_kj[k, j] < np.inf:
            pairs.append((k, j))
            distance_kj[:, j] = np.inf
    matched = tuple(zip(*pairs, strict=True))
    return Difference(
        1 - len(pairs) / most if (most := max(len(one.scores), len(other.scores))) else 0.0,
        float(scores_kj[matched].max()) if pairs else 0.0,
        float(boxes_kj[matched].max()) if pairs else 0.0,
    )


def _difference_on(pixels_3HW: Pixels, model: DINO, backend: OnnxRuntimeBackend, settings: ModelSettings) -> Difference:
    size = pixels_3HW.shape[2], pixels_3HW.shape[1]
    both = (run_model(model, torch.from_numpy(pixels_3HW)), backend.run(pixels_3HW))
    one, other = (best_detections(logits, boxes, size, settings.classes) for logits, boxes in both)
    return difference(one, other, max(size))
