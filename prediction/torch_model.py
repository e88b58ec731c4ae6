"""A model's weights as files hold them, and the model that is loaded with them. Needs torch and safetensors."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from prediction.model_folder import ModelSettings, unusable
from training_code.config_checks import ConfigError
from training_code.dino.model import DINO, build_model


def load_model(folder: Path, settings: ModelSettings) -> DINO:
    """The model with the weights of model.safetensors in `folder`, whose config.json gave `settings`.

    Raises:
        ModelError: the file is missing, damaged or another model's.
    """
    try:
        model = build_model(settings.config)
        weights = load_file(folder / "model.safetensors")
        if weights.keys() != weights_by_name(model).keys():
            raise ValueError("model.safetensors and config.json do not belong together")
        model.load_state_dict(weights, strict=False)  # not strict: a shared tensor has several names there
        return model
    except (OSError, ValueError, RuntimeError, SafetensorError, ConfigError) as error:
        raise unusable(folder, error) from error


def weights_by_name(model: nn.Module) -> dict[str, Tensor]:
    """The content of model.safetensors: every tensor once (a state_dict names a shared one several times).

    Row by row, whatever their layout in memory, so that equal weights make equal files.
    """
    tensors = {name: parameter.detach().contiguous() for name, parameter in model.named_parameters()}
    return tensors | dict(model.named_buffers())
