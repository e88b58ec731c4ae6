"""The request's field `training`: settings that differ from the recipe's, checked by the trainer's own dataclass."""

from collections.abc import Collection, Mapping

from dataset_contract.sanitise import sanitise
from pipeline.errors import RequestInvalid
from training_code.config_checks import ConfigError
from training_code.recipes import RECIPES
from training_code.training_settings import SETTINGS, as_request, nearest, training_config

PAGE = "docs/training-settings.md"
"""Lists all settings."""

_OF_THE_PIPELINE = frozenset({"recipe", "dataset_version", "gate_classes"})
"""Hyperparameters that the pipeline sets itself."""


def parse_training(
    value: object, *, recipe: str, stages: Collection[Mapping[str, object]], fields: Collection[str]
) -> dict[str, object]:
    """The settings in `value`, as the JSON values that they are.

    `stages` are the settings that the preset gives each of its stages, which `value` goes over, and `fields` the
    request's. Raises RequestInvalid, with the setting's name and what it may be.
    """
    if not isinstance(value, dict):
        raise RequestInvalid(
            f"The input's field training is not an object of settings: write it like "
            f"{{{as_request(learning_rate=5e-05)}}}; {PAGE} lists them."
        )
    for name in value:
        if name in fields or name == "epochs":
            raise RequestInvalid(
                f"The input's field training has {name}, which is a field of its own: write it beside training."
            )
        if name in _OF_THE_PIPELINE:
            raise RequestInvalid(f"The input's field training has {name}, which the pipeline sets: leave it out.")
    for stage in stages:
        try:
            training_config(recipe, {**stage, **value})
        except ConfigError as error:
            where = "" if len(stages) == 1 else f" for the stage of {stage['epochs']} epochs"
            raise RequestInvalid(
                sanitise(f"The input's field training cannot be used{where}: {error} {PAGE} lists all.", longest=500)
            ) from None
    return dict(value)


_RATES = ("learning_rate", "backbone_learning_rate")


def settings_to_continue(recipe: str) -> dict[str, object]:
    """What differs from the recipe's training where it continues a finished model; the request's settings go over it.

    All epochs have a tenth of the recipe's learning rates, the rate at which the earlier training ended (config.py,
    lr_drop_epoch). The whole rate would throw the model out of the minimum that the drop had let it settle in, and
    the epochs would go into getting back. It is low enough to need no warm-up, and the recipe's own drop ends it.
    """
    training = RECIPES[recipe].training
    return {name: float(f"{getattr(training, name) / 10:.6g}") for name in _RATES}


def advice_on(name: str, fields: Collection[str]) -> str:
    """What may have been meant by the unknown field `name`, as the end of a sentence that says so."""
    if name in SETTINGS:
        return f'is a setting of the training: write {{"training": {{"{name}": ...}}}}.'
    near = nearest(name, fields)
    return f"is not known; {f'did you mean {near}? A' if near else 'a'}llowed are {', '.join(sorted(fields))}."
