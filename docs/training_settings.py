"""Writes docs/training-settings.md, all settings of a training, from the dataclass that the trainer uses.

python docs/training_settings.py
"""

import ast
import inspect
import json
from pathlib import Path

from training_code.config import LEAST_BATCH, NOT_ZERO, TRAINING_RANGES, TrainingConfig
from training_code.measured_batch import IMAGES_OF_THE_RATES, LEAST_UPDATES, MOST_BATCH
from training_code.recipes import RECIPES
from training_code.training_settings import LONGEST_TEXT, SETTINGS, as_request, describe, json_values

PAGE = Path(__file__).resolve().parent / "training-settings.md"
OF_THE_REQUEST = "epochs"
"""A field of the request itself."""
EXAMPLE = as_request(learning_rate=5e-5, backbone_learning_rate=5e-6, image_short_sides=[640, 800])
HEAD = f"""# Settings of a training

<!-- Written by `python docs/training_settings.py`; do not edit. -->

The request's field `training` changes any of them, for all stages of the run:

```
{{{EXAMPLE}}}
```

In a terminal: `python -m runs start --set training.learning_rate=5e-5`. What is left out is the recipe's: `room_wall`
for the presets `test`, `full` and `test_then_full`, `tiny` for `tiny`. `{OF_THE_REQUEST}` is a field of the request
itself. A list has at most {LONGEST_TEXT:,} characters.

An unknown name, a value of another type or outside its range, and settings that do not go together are refused before
anything is spent. The quote goes by the settings: a speed counts as measured only if they were the same, apart from
those that do not change it. The model's `config.json` has all settings, the model registry those of the request.

`batch_size` null lets a GPU take as many of the largest images at once as its memory holds with a tenth to spare, out
of 1, 2, 4, 8 and {MOST_BATCH}; but of more than {LEAST_BATCH} only as many as leave {LEAST_UPDATES:,} updates in the
training. A CPU takes {LEAST_BATCH}. The recipe's learning rates are for updates of up to {IMAGES_OF_THE_RATES} images,
of all GPUs together; for more, they are multiplied by the square root of images / {IMAGES_OF_THE_RATES}. `warmup_steps`
stay as many steps. A batch or a rate that is set is never changed. The log says what was chosen, and the model's
`config.json` has it. An interrupted training keeps the images of its updates: where memory holds fewer, it takes
them in several batches.

| setting | type | range | {" | ".join(f"`{recipe}`" for recipe in RECIPES)} | meaning |
|---|---|---|{"---|" * len(RECIPES)}---|
"""


def page() -> str:
    """The page's text."""
    defaults = [json_values(recipe.training) for recipe in RECIPES.values()]
    meanings = _docstrings()
    return HEAD + "".join(
        f"| `{name}` | {describe(kind)} | {_range(name)} | "
        + " | ".join(json.dumps(values[name]) for values in defaults)
        + f" | {meanings[name]} |\n"
        for name, kind in SETTINGS.items()
        if name != OF_THE_REQUEST
    )


def _docstrings() -> dict[str, str]:
    """The string under each field of the dataclass."""
    (definition,) = ast.parse(inspect.getsource(TrainingConfig)).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split()).replace("None ", "null ").replace("() ", "[] ")
    return found


def _range(name: str) -> str:
    if name not in TRAINING_RANGES:
        return ""
    least, most = TRAINING_RANGES[name]
    lower = f"above {least:g}" if name in NOT_ZERO else f"{least:g}"
    return f"{lower} to {most:,}" if most < 1e30 else lower if name in NOT_ZERO else f"at least {least:g}"


if __name__ == "__main__":
    PAGE.write_text(page())
