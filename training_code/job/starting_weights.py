"""The weights that training starts from: the checkpoint file in the channel `pretrained`, where there is one."""

from collections.abc import Callable, Mapping
from pathlib import Path

from training_code.dino.checkpoint_loading import (
    BACKBONE_PREFIX,
    CheckpointError,
    LoadReport,
    load_for_fine_tuning,
    read_weights,
)
from training_code.dino.model import DINO
from training_code.job.earlier_model import ARCHIVE, continue_model
from training_code.job.failures import JobConfigError


def load_starting_weights(
    model: DINO, channel: Path, classes: Mapping[str, int], log_line: Callable[[str], None]
) -> bool:
    """Load the one file in `channel` into `model`, as far as it fits; `log_line` gets what became of the tensors.

    Of a model.tar.gz, an earlier job's, all must fit: `classes` are the data set's category ids by name.
    Returns whether the model is a trained one now: every tensor of it comes from the file.

    Raises:
        JobConfigError: there are several files, or the file is not a usable checkpoint, or its backbone is not the
            model's, whose frozen norms cannot learn, or the earlier model does not fit.
    """
    frozen = model.config.backbone_norm == "frozen_batch_norm"
    files = sorted(path for path in channel.glob("*") if path.is_file() and not path.name.startswith("."))
    if not files:
        if frozen:
            log_line(
                "warning: The backbone starts from random weights, and its frozen norms cannot learn: expect poor"
                " results. Give the job a channel `pretrained` with a checkpoint of DINO or of a ResNet-50."
            )
        return False
    if len(files) > 1:
        raise JobConfigError(f"The channel `pretrained` must hold one file, not {len(files)} ({files[0].name}, ...).")
    if files[0].name == ARCHIVE:
        continue_model(model, files[0], classes, log_line)
        return True
    try:
        report = load_for_fine_tuning(model, read_weights(files[0]))
    except CheckpointError as error:
        raise JobConfigError(str(error)) from None
    for line in report.lines():
        log_line(line)
    if frozen:
        _require_backbone(report, files[0].name)
    return not report.left


def _require_backbone(report: LoadReport, file_name: str) -> None:
    missing = [entry for entry in report.left if entry.startswith("backbone.")]
    deeper = [name for name in report.unused if name.startswith(f"{BACKBONE_PREFIX}layer")]  # ResNet-101's, say
    if missing or deeper:
        lack = f"lacks {len(missing)} tensors of" if missing else f"has {len(deeper)} tensors more than"
        raise JobConfigError(
            f"{file_name} {lack} the model's backbone, such as {(missing or deeper)[0]}, and the frozen norms around"
            " them cannot learn: give a checkpoint of DINO with a ResNet-50, or torchvision's ResNet-50."
        )
