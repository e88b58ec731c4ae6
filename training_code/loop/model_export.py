"""Writes model.onnx beside the trained model, checked on validation plans. A training never fails for it."""

from collections.abc import Callable
from pathlib import Path

from dataset_contract.sanitise import sanitise
from drawing.samples import choose_samples
from prediction.backends.onnx_file import ONNX_NAME
from prediction.model_folder import read_settings
from training_code.config import TrainingConfig
from training_code.data.checked_dataset import CheckedDataset
from training_code.data.plan_dataset import PlanDataset, Sample
from training_code.dino.model import DINO

PLANS = 2
"""On which the exported model is compared with PyTorch's."""


def export_model(
    folder: Path, model: DINO, dataset: CheckedDataset, config: TrainingConfig, log_line: Callable[[str], None]
) -> None:
    """Write model.onnx to `folder`, where write_artifact has written `model`; a line in the log tells how it went."""
    try:
        from prediction.export import export_checked  # noqa: PLC0415  a package that it needs may be missing

        split = PlanDataset(dataset.root / "val", dataset.val, config, augmented=False)
        positions = choose_samples(range(len(split)), PLANS)
        images = [split.read(Sample(each, 0, config.prediction_short_side)).pixels.numpy() for each in positions]
        found = export_checked(model, read_settings(folder), folder / ONNX_NAME, images)
    except Exception as error:  # whatever it is, the model itself is written
        log_line(
            f"warning: {ONNX_NAME} was not written ({type(error).__name__}: {sanitise(error, longest=300)}); the model"
            " is complete without it, and `python -m prediction export` writes it later."
        )
        return
    log_line(
        f"{ONNX_NAME} finds on {len(images)} validation plans what PyTorch finds: scores differ by {found.score:.1g},"
        f" boxes by {found.box:.1g} of a plan's side at most."
    )
