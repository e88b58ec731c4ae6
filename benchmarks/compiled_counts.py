"""Kernels of a transformer layer's passes, as written and as torch.compile makes them for CUDA, counted without a GPU.

    python benchmarks/compiled_counts.py

Both on fake tensors, of `room_wall` at 800 x 1333, bf16, batch 2. Of the compiled layer the code is generated, and all
that it launches counted, but nothing is compiled from it or run. As written, operators are counted, our own by what
they launch in both forms; some of PyTorch's launch more than the one that they count for (layer norm's backward pass
two), so that the difference is larger than it seems. Needs a C++ compiler.
"""

# ruff: noqa: ANN401  parts of torch without types
from __future__ import annotations

import functools
import json
import re
import subprocess
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmarks.fake_cuda import environment
from benchmarks.gpu_counts import LAUNCHES, Counts, fake_gpu, print_and_exit
from benchmarks.measuring import side, start
from training_code.dino.decoder import DecoderLayer
from training_code.dino.encoder import EncoderLayer
from training_code.dino.precision import call_cast
from training_code.dino.scales import Scales
from training_code.loop.compiled_model import OPTIONS
from training_code.recipes import RECIPES

BATCH, QUERIES = 2, 1100
SIZES = [(100, 167), (50, 84), (25, 42), (13, 21)]
"""Rows and columns of the scales of 800 x 1333 pixels."""
SMALLER = [(40, 60), (20, 30), (10, 15), (5, 8)]
"""Of 320 x 480."""
KINDS = {"encoder": EncoderLayer, "decoder": DecoderLayer}
CASTS = 2
"""Of a layer's weights and their gradients, outside of the compiled code."""
A10G = SimpleNamespace(
    name="NVIDIA A10G",
    major=8,
    minor=6,
    multi_processor_count=80,
    max_threads_per_multi_processor=1536,
    max_threads_per_block=1024,
    regs_per_multiprocessor=65536,
    shared_memory_per_block=49152,
    shared_memory_per_block_optin=101376,
    shared_memory_per_multiprocessor=102400,
    L2_cache_size=6 << 20,
    total_memory=24 << 30,
    warp_size=32,
    is_integrated=0,
    gcnArchName="",
)
"""What torch.compile asks of a GPU."""
_LAUNCH = re.compile(r"\b\w+\.run\(|extern_kernels\.\w+\(|torch\.ops\.(\w+\.\w+)\.\w+\(|\.(?:sum|zero_|fill_|copy_)\(")
"""Calls: a kernel of Triton's, one of a library, an operator, a tensor's method. Checks only name what they check."""


def main() -> None:
    found = {kind: {form: count(kind, form) for form in ("written", "compiled")} for kind in KINDS}
    print(f"{'kernels of a layer, both passes':<34}{'as written':>12}{'compiled':>10}")
    for kind, by_form in found.items():
        print(f"{kind:<34}{by_form['written']:>12}{by_form['compiled']:>10}")


def count(kind: str, form: str) -> int:
    """The kernels of both passes of a layer, from a process of its own."""
    command = [str(part) for part in side(__file__, kind, form)]
    done = subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE, text=True)
    return int(json.loads(done.stdout))


def one_side(kind: str, form: str) -> None:
    """Print a count as JSON."""
    print_and_exit(written(kind) if form == "written" else compiled(kind))


def written(kind: str) -> int:
    """Operators that compute, as step_counts.py counts them."""
    with fake_gpu() as gpu:
        layer, given = _layer(kind), _inputs(kind, SIZES)
        gpu.counts = Counts()
        _both_passes(layer, given)
        return gpu.counts.kernels.total()


def compiled(kind: str) -> int:
    """Launches in the code of both passes, which is one for images of all sizes, and the casts beside it."""
    from torch._inductor.compile_fx import compile_fx  # noqa: PLC0415  slow to import

    codes: list[str] = []
    with _seeming_gpu(), FakeTensorMode():
        layer = _layer(kind)
        generate = functools.partial(_generate, codes)
        layer.compile(
            dynamic=True, backend=functools.partial(compile_fx, inner_compile=generate, config_patches=dict(OPTIONS))
        )
        for sizes in (SIZES, SMALLER):
            _both_passes(layer, _inputs(kind, sizes))
    assert len(codes) == 2, "a graph of each pass"
    return CASTS + sum(map(launches, codes))


def launches(code: str) -> int:
    """Kernels that inductor's code launches: Triton's, libraries', operators' and those of tensors' methods."""
    total = 0
    for found in _LAUNCH.finditer(code[code.index("def call(") :]):
        operator = found[1] or ""
        total += LAUNCHES.get(operator.replace(".", "::"), 1)
    return total


def _layer(kind: str) -> nn.Module:
    layer = KINDS[kind](RECIPES["room_wall"].model.with_classes(3))
    for part in layer.modules():
        for name, parameter in part.named_parameters(recurse=False):
            part._parameters[name] = nn.Parameter(torch.empty(parameter.shape, device="cuda"))
    return layer.train()


def _inputs(kind: str, sizes: list[tuple[int, int]]) -> dict[str, Any]:
    def empty(*shape: int, dtype: torch.dtype = torch.float32, needs_gradient: bool = True) -> Tensor:
        return torch.empty(shape, dtype=dtype, device="cuda", requires_grad=needs_gradient)

    scales = Scales.whole(sizes, torch.float32, torch.device("cuda"))
    tokens = sum(h * w for h, w in sizes)
    if kind == "encoder":
        reference = empty(1, tokens, len(sizes), 2, needs_gradient=False)
        return {
            "x": empty(BATCH, tokens, 256),
            "position_BSD": empty(BATCH, tokens, 256),
            "reference_BSL2": reference,
            "scales": scales,
        }
    return {
        "x": empty(BATCH, QUERIES, 256),
        "position_BQD": empty(BATCH, QUERIES, 256),
        "reference_BQL4": empty(BATCH, QUERIES, len(sizes), 4, needs_gradient=False),
        "memory_BSD": empty(BATCH, tokens, 256, dtype=torch.bfloat16),
        "scales": scales,
        "bias_QQ": empty(QUERIES, QUERIES, dtype=torch.bfloat16, needs_gradient=False),
    }


def _both_passes(layer: nn.Module, given: dict[str, Any]) -> None:
    x = given.pop("x")
    with torch.autocast("cuda", torch.bfloat16):
        out = call_cast(layer, x, **given)
    out.backward(torch.empty_like(out))


def _generate(codes: list[str], graph: torch.fx.GraphModule, inputs: list[Any], **_: Any) -> Any:
    """What inductor does of a graph up to its code, which goes to `codes`; the graph itself then runs."""
    from torch._functorch._aot_autograd.utils import make_boxed_func  # noqa: PLC0415
    from torch._guards import detect_fake_mode  # noqa: PLC0415
    from torch._inductor.compile_fx import fake_tensor_prop, record_original_output_strides  # noqa: PLC0415
    from torch._inductor.debug import DebugContext  # noqa: PLC0415
    from torch._inductor.fx_passes.post_grad import post_grad_passes, view_to_reshape  # noqa: PLC0415
    from torch._inductor.graph import GraphLowering  # noqa: PLC0415
    from torch._inductor.virtualized import V  # noqa: PLC0415

    mode = detect_fake_mode(inputs)
    assert mode is not None
    with DebugContext(), V.set_fake_mode(mode):
        view_to_reshape(graph)  # type: ignore[no-untyped-call]
        fake_tensor_prop(graph, inputs, True)
        record_original_output_strides(graph)
        post_grad_passes(graph, False)
        lowered = GraphLowering(graph, example_inputs=inputs, shape_env=mode.shape_env)
        with V.set_graph_handler(lowered), V.set_extern_kernel_nodes([]):
            lowered.run(*inputs)
            codes.append(lowered.codegen()[0].value)
    return make_boxed_func(graph.forward)


def _seeming_gpu() -> ExitStack:
    """Inside, torch.compile sees an A10G and a Triton that works."""
    stack = ExitStack()
    state = torch.zeros(16, dtype=torch.uint8)
    answers: dict[str, Any] = {
        "_lazy_init": None,
        "is_available": True,
        "device_count": 1,
        "current_device": 0,
        "_exchange_device": 0,
        "_maybe_exchange_device": 0,
        "get_device_properties": A10G,
        "get_device_capability": (8, 6),
        "is_bf16_supported": True,
        "get_rng_state": state,
        "set_rng_state": None,
    }
    for name, answer in answers.items():
        stack.enter_context(mock.patch.object(torch.cuda, name, lambda *_, answer=answer, **__: answer))
    for name, answer in {
        "has_triton": True,
        "triton_hash_with_backend": "",
        "has_triton_tensor_descriptor_host_tma": False,
        "has_triton_stable_tma_api": False,
    }.items():
        stack.enter_context(mock.patch(f"torch.utils._triton.{name}", lambda *_, answer=answer, **__: answer))
    stack.enter_context(mock.patch.object(torch.version, "cuda", "12.8"))
    interface = "torch._dynamo.device_interface.CudaInterface"
    stack.enter_context(mock.patch(f"{interface}.get_device_properties", lambda *_: A10G))
    # What would compute on the GPU: patterns of attention that is written out, and constants.
    stack.enter_context(mock.patch("torch._inductor.fx_passes.joint_graph.lazy_init", lambda *_: None))
    stack.enter_context(mock.patch("torch._inductor.config.joint_graph_constant_folding", False))
    # What would compile kernels while others are written, once its processes have started.
    stack.enter_context(mock.patch("torch._inductor.config.compile_threads", 1))
    return stack


if __name__ == "__main__":
    start(main, one_side)
