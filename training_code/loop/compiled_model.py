"""The model as torch.compile makes it for training: the code of the transformer's layers.

All else stays as it is written: the backbone, and what depends on sizes and boxes (positions, masks, denoising, query
selection, matching).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType

import torch

from training_code.dino.compiler import missing_compiler
from training_code.dino.decoder import DecoderLayer
from training_code.dino.encoder import EncoderLayer
from training_code.dino.model import DINO
from training_code.job.failures import JobConfigError

OPTIONS: Mapping[str, bool] = MappingProxyType({"triton.mix_order_reduction_non_strict_mode": True})
"""Of the code for a GPU: how gradients are summed would else depend on an image's size, with code for each case."""


def compiled(model: DINO) -> DINO:
    """A second `model` with the same tensors, whose layers are compiled when they are first called.

    `model` itself, and what is copied of it, evaluated, saved and exported, stays as it is written. The second must be
    made when the tensors are where they stay.
    """
    # Or where several processes train, it would split a layer so that gradients are sent from the middle of it.
    torch._dynamo.config.optimize_ddp = False
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    second = copy.deepcopy(model, shared)
    for part in second.modules():
        if isinstance(part, EncoderLayer | DecoderLayer):  # all of a kind share one code, for images of all sizes
            part.compile(dynamic=True, options=dict(OPTIONS))
    return second


def found_compiler(device: torch.device) -> str:
    """A sentence for the log. Raises JobConfigError if this machine cannot compile for `device`."""
    if missing := missing_compiler(device):
        raise JobConfigError(f"torch_compile is true, but {missing}: set it to false.")
    return "torch.compile makes code of the transformer's layers: the first steps wait for it."
