"""The model as torch.compile makes it for training: the backbone's stages and the transformer's layers.

What depends on sizes and boxes (positions, masks, denoising, query selection, matching) stays as it is written.
"""

from __future__ import annotations

import copy

from training_code.dino.compiler import missing_compiler
from training_code.dino.decoder import DecoderLayer
from training_code.dino.encoder import EncoderLayer
from training_code.dino.model import DINO
from training_code.dino.resnet import Stage
from training_code.job.failures import JobConfigError


def compiled(model: DINO) -> DINO:
    """A second `model` with the same tensors, whose parts are compiled when they are first called.

    `model` itself, and what is copied of it, evaluated, saved and exported, stays as it is written. The second must be
    made when the tensors are where they stay.
    """
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    second = copy.deepcopy(model, shared)
    for part in second.modules():
        # All of a kind share one code for images of all sizes, as far as their weights have the same shapes. A GPU's
        # convolutions keep their layout then; on a CPU, code that changes it takes the first images' strides for those
        # of all (torch 2.13).
        if isinstance(part, Stage | EncoderLayer | DecoderLayer):
            part.compile(dynamic=True, options={"layout_optimization": False})
    return second


def found_compiler() -> str:
    """A sentence for the log. Raises JobConfigError if this machine cannot compile."""
    if missing := missing_compiler():
        raise JobConfigError(f"torch_compile is true, but {missing}: set it to false.")
    return "torch.compile makes code of the backbone's stages and the layers: the first steps wait for it."
