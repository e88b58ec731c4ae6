"""The weights that training starts from: the checkpoint file in the channel `pretrained`, where there is one."""

from collections.abc import Callable
from pathlib import Path

from training_code.dino.checkpoint_loading import CheckpointError, load_for_fine_tuning, read_weights
from training_code.dino.model import DINO
from training_code.job.failures import JobConfigError


def load_starting_weights(model: DINO, channel: Path, log_line: Callable[[str], None]) -> None:
    """Load the one file in `channel` into `model`, as far as it fits; `log_line` gets what became of the tensors.

    Raises:
        JobConfigError: there are several files, or the file is not a usable checkpoint.
    """
    files = sorted(path for path in channel.glob("*") if path.is_file() and not path.name.startswith("."))
    if not files:
        if model.config.backbone_norm == "frozen_batch_norm":
            log_line(
                "warning: The backbone starts from random weights, and its frozen norms cannot learn: expect poor"
                " results. Give the job a channel `pretrained` with a checkpoint of DINO or of a ResNet-50."
            )
        return
    if len(files) > 1:
        raise JobConfigError(f"The channel `pretrained` must hold one file, not {len(files)} ({files[0].name}, ...).")
    try:
        log_line(str(load_for_fine_tuning(model, read_weights(files[0]))))
    except CheckpointError as error:
        raise JobConfigError(str(error)) from None
