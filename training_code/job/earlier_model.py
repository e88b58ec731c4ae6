"""Goes on training an earlier model: takes its weights out of its model.tar.gz, without unpacking that to disk."""

from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from archive_reader.tar_members import MODEL_LIMITS, ArchiveError, read_members
from dataset_contract.bounded_json import parse_bounded
from dataset_contract.out_of_memory import is_out_of_memory
from dataset_contract.sanitise import sanitise, short
from prediction.model_folder import MODEL_FORMAT
from training_code.dino.checkpoint_loading import CheckpointError, load_for_fine_tuning
from training_code.dino.model import DINO
from training_code.job.failures import JobConfigError

ARCHIVE = "model.tar.gz"
"""What SageMaker calls the artifact of every training job."""
CONFIG, WEIGHTS = "config.json", "model.safetensors"
MAX_BYTES = {CONFIG: 4_000_000, WEIGHTS: 4_000_000_000}
"""The weights have 190 MB."""

OF_CLASSES = ("transformer.decoder.class_embed.", "transformer.enc_out_class_embed.", "label_enc.")
"""Tensors with a row for each category id."""


def continue_model(model: DINO, archive: Path, classes: Mapping[str, int], log_line: Callable[[str], None]) -> None:
    """Load all weights of the model in `archive` into `model`; `classes` are the data set's category ids by name.

    Where the ids of the same classes differ, their rows are taken to where they belong.

    Raises:
        JobConfigError: the archive is damaged, or its model has other classes or another architecture.
    """
    files = _read(archive)
    try:
        config = parse_bounded(files[CONFIG])
        if config["format"] != MODEL_FORMAT:
            raise ValueError(f"the format is {short(config['format'])}")
        earlier = {str(item["name"]): int(item["id"]) for item in config["classes"]}
        weights = safetensors.torch.load(files[WEIGHTS])
    except (ValueError, KeyError, TypeError, SafetensorError) as error:
        if is_out_of_memory(error):
            raise
        raise JobConfigError(f"{archive.name} holds no model that can be continued: {_short(error)}.") from None
    if set(earlier) != set(classes):
        raise JobConfigError(
            f"The model in {archive.name} has the classes {', '.join(earlier)}, but the data set has"
            f" {', '.join(classes)}: it can only continue on the same classes."
        )
    try:
        if earlier != classes:
            new_ids = {earlier[name]: classes[name] for name in classes}
            weights = _renumbered(weights, model.state_dict(), new_ids)
        report = load_for_fine_tuning(model, weights)
    except IndexError:
        raise JobConfigError(f"{archive.name} is damaged: a class has an id that its weights do not have.") from None
    except CheckpointError as error:
        raise JobConfigError(str(error)) from None
    for line in report.lines():
        log_line(line)
    if unlike := report.left + report.resized:
        raise JobConfigError(
            f"The model in {archive.name} is not of this architecture: {len(unlike)} tensors do not fit, such as"
            f" {unlike[0]}. It was trained by another version of the recipe: train a new model."
        )


def _read(archive: Path) -> dict[str, bytes]:
    """Configuration and weights, as they are in the archive."""
    found: dict[str, bytes] = {}
    try:
        with archive.open("rb") as file:
            for member in read_members(file, MODEL_LIMITS):
                if member.name not in MAX_BYTES or member.is_folder:
                    continue
                if member.size > MAX_BYTES[member.name]:
                    raise ArchiveError(f"{member.name} has {member.size:,} bytes, more than a model has")
                found[member.name] = member.content.read()
    except (ArchiveError, OSError) as error:
        if is_out_of_memory(error):
            raise
        raise JobConfigError(f"{archive.name} is damaged or no model: {_short(error)}.") from None
    if missing := MAX_BYTES.keys() - found:
        raise JobConfigError(f"{archive.name} lacks {' and '.join(sorted(missing))}: it holds no model.")
    return found


def _renumbered(
    weights: Mapping[str, Tensor], own: Mapping[str, Tensor], new_ids: Mapping[int, int]
) -> dict[str, Tensor]:
    """`weights` with the rows of each class at its new id; rows of no class are those of `own`."""
    moved = dict(weights)
    for name, tensor in weights.items():
        if name.startswith(OF_CLASSES) and name in own and tensor.shape[1:] == own[name].shape[1:]:
            rows = own[name].clone()
            for old, new in new_ids.items():
                rows[new] = tensor[old]
            moved[name] = rows
    return moved


def _short(error: Exception) -> str:
    return sanitise(error, longest=200)
