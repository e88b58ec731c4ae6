"""Which type numbers have: boxes, matching and losses at least fp32, also inside autocast, and fp64 where the model is.

Autocast casts a weight or an input where it is used, one by one; what is here casts many at once, or one for all uses.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call


def at_least_fp32(x: Tensor) -> Tensor:
    """`x` in fp32 if it is fp16 or bf16, else `x` itself.

    fp16 turns a matching cost into infinity from a logit of 9 on, and bf16 places a box of a 1333 pixel image
    only to about 3 pixels.
    """
    return x.to(torch.promote_types(x.dtype, torch.float32))


def type_of_autocast(x: Tensor) -> torch.dtype:
    """The type in which a matrix multiplication of `x` is done: its own outside autocast, and of fp64 always."""
    kind = x.device.type
    if x.dtype == torch.float64 or not torch.is_autocast_enabled(kind):
        return x.dtype
    return torch.get_autocast_dtype(kind)


def in_autocast_type(x: Tensor) -> Tensor:
    """`x` in type_of_autocast()."""
    return x.to(type_of_autocast(x))


def is_mixed(device: torch.device, precision: str) -> bool:
    """Whether `device` computes in bf16 where autocast's rules let it, by the setting `precision`.

    A CPU never does, nor a GPU that would only emulate it.
    """
    wanted = precision == "bf16" and device.type == "cuda"
    return wanted and torch.cuda.is_bf16_supported(including_emulation=False)


def mixed_precision(device: torch.device, precision: str) -> torch.autocast:
    """Within it, `device` computes as is_mixed() says."""
    return torch.autocast("cuda", torch.bfloat16, enabled=is_mixed(device, precision))


def call_cast(layer: nn.Module, x: Tensor, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  what the layer takes
    """`layer(x, *args, **kwargs)`; inside autocast, the weights of its matrix multiplications are cast together."""
    dtype = type_of_autocast(x)
    if not torch.is_autocast_enabled(x.device.type) or dtype == torch.float64:
        return layer(x, *args, **kwargs)
    named = {
        f"{prefix}.{name}": weight
        for prefix, module in layer.named_modules()
        if isinstance(module, nn.Linear | nn.MultiheadAttention)
        for name, weight in module.named_parameters(recurse=False)
    }
    cast = dict(zip(named, _Cast.apply(dtype, *named.values()), strict=True))  # type: ignore[no-untyped-call]
    return functional_call(layer, cast, (x, *args), kwargs)


class _Cast(torch.autograd.Function):
    """Tensors in another type, and their gradients in their own, all in one operation each way."""

    @staticmethod
    def forward(ctx: Any, dtype: torch.dtype, *tensors: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401
        ctx.dtypes = [tensor.dtype for tensor in tensors]
        return _copied(tensors, [dtype] * len(tensors))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        return None, *_copied(grads, ctx.dtypes)


def _copied(tensors: tuple[Tensor, ...], dtypes: list[torch.dtype]) -> tuple[Tensor, ...]:
    copies = [torch.empty_like(tensor, dtype=dtype) for tensor, dtype in zip(tensors, dtypes, strict=True)]
    torch._foreach_copy_(copies, list(tensors))
    return tuple(copies)
