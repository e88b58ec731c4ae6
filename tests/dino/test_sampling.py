"""The sampling operator: each implementation against grid_sample and autograd, and what PyTorch expects of it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode  # no public name has it
from torch.utils.checkpoint import checkpoint

from tests.dino.grid_sampling import grid_sample_scales
from training_code.dino.sampling import plain
from training_code.dino.sampling.operator import sample

SIZES = [5, 7, 3, 4, 2, 2]


def inputs(
    sizes: list[int] = SIZES,
    *,
    batch: int = 2,
    queries: int = 3,
    heads: int = 2,
    features: int = 4,
    points: int = 3,
    value_dtype: torch.dtype = torch.float64,
) -> tuple[Tensor, Tensor, Tensor]:
    made = torch.Generator().manual_seed(1)
    dtype = torch.promote_types(value_dtype, torch.float32)
    tokens = sum(h * w for h, w in zip(sizes[::2], sizes[1::2], strict=True))
    shape = (batch, queries, heads, len(sizes) // 2, points)
    value = torch.randn(batch, tokens, heads, features, dtype=dtype, generator=made).to(value_dtype)
    location = torch.rand(*shape, 2, dtype=dtype, generator=made) * 1.6 - 0.3  # some lie outside
    return value, location, torch.rand(shape, dtype=dtype, generator=made)


def results(module: ModuleType, tensors: tuple[Tensor, Tensor, Tensor], sizes: list[int]) -> list[Tensor]:
    """Output and gradients."""
    output = module.sample(*tensors, sizes)
    grad = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view(output.shape)
    return [output, *module.sample_backward(grad, *tensors, sizes)]


def expected(tensors: tuple[Tensor, Tensor, Tensor], sizes: list[int]) -> list[Tensor]:
    leaves = value, location, weight = [x.to(tensors[1].dtype).requires_grad_() for x in tensors]
    output = grid_sample_scales(value, location, weight, sizes)
    grad = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view(output.shape)
    gradients = torch.autograd.grad(output, leaves, grad)
    return [output.detach(), *(g.to(x.dtype) for g, x in zip(gradients, tensors, strict=True))]


@pytest.fixture(scope="module")
def kernels() -> ModuleType:
    """The Triton kernels, run by Triton's interpreter: conftest.py asks for it."""
    pytest.importorskip("triton", reason="Triton has no build for this system")
    return importlib.import_module("training_code.dino.sampling.kernels")


CASES: dict[str, dict[str, Any]] = {
    "one query": {"queries": 1, "batch": 1},
    "more queries than a block": {"queries": 37, "batch": 1},
    "one scale": {"sizes": [6, 9]},
    "a scale of one pixel": {"sizes": [3, 5, 1, 1]},
    "8 features": {"features": 8},
    "24 features": {"features": 24, "queries": 1},
    "64 features": {"features": 64, "heads": 1},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["plain", "triton"])
def test_each_form_gives_what_grid_sample_does(name: str, case: str, request: pytest.FixtureRequest) -> None:
    module = plain if name == "plain" else request.getfixturevalue("kernels")
    sizes = CASES[case].get("sizes", SIZES)
    tensors = inputs(**CASES[case])
    for found, right in zip(results(module, tensors, sizes), expected(tensors, sizes), strict=True):
        torch.testing.assert_close(found, right, atol=1e-12, rtol=1e-12)


@pytest.mark.faults
def test_the_compiled_form_gives_what_grid_sample_does() -> None:
    compiled = importlib.import_module("training_code.dino.sampling.compiled")
    tensors = inputs()
    for found, right in zip(results(compiled, tensors, SIZES), expected(tensors, SIZES), strict=True):
        torch.testing.assert_close(found, right, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("name", ["plain", "triton"])
@pytest.mark.parametrize("value_dtype", [torch.float32, torch.bfloat16])
def test_sums_are_in_fp32_also_of_bf16_values(
    name: str, value_dtype: torch.dtype, request: pytest.FixtureRequest
) -> None:
    module = plain if name == "plain" else request.getfixturevalue("kernels")
    tensors = inputs(value_dtype=value_dtype)
    output, grad_value, *others = results(module, tensors, SIZES)
    right, right_grad_value, *right_others = expected(tensors, SIZES)
    assert (output.dtype, grad_value.dtype) == (torch.float32, value_dtype)
    torch.testing.assert_close(output, right, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(others, right_others, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(grad_value, right_grad_value)


@settings(max_examples=30, deadline=None)
@given(
    x=st.sampled_from([-1e30, -2.0, -0.5 / 7, 0.0, 0.5 / 7, 1 / 7, 0.5, 6.5 / 7, 1.0, 7.5 / 7, 3.0, 1e30]),
    y=st.sampled_from([-1e30, -0.1, 0.0, 0.5 / 5, 0.3, 4.5 / 5, 1.0, 5.5 / 5, 1e30]),
)
def test_pixel_centres_edges_and_the_outside_are_read_as_grid_sample_reads_them(x: float, y: float) -> None:
    value, location, weight = inputs(queries=1, batch=1)
    location[..., 0], location[..., 1] = x, y
    torch.testing.assert_close(
        plain.sample(value, location, weight, SIZES), grid_sample_scales(value, location, weight, SIZES)
    )


@pytest.mark.parametrize("x", [-1e30, 0.0, 0.5 / 7, 1.0, 1e30])
def test_the_kernels_read_edges_and_the_outside_as_the_plain_form_does(kernels: ModuleType, x: float) -> None:
    value, location, weight = inputs(queries=1, batch=1)
    location[..., 0] = x
    for found, right in zip(
        results(kernels, (value, location, weight), SIZES),
        results(plain, (value, location, weight), SIZES),
        strict=True,
    ):
        torch.testing.assert_close(found, right)


@pytest.mark.parametrize("name", ["plain", "triton"])
def test_a_location_that_is_not_a_number_gives_none_and_harms_no_other(
    name: str, request: pytest.FixtureRequest
) -> None:
    """The loss is then not a number, which training reports; a token beyond the values would end the process."""
    module = plain if name == "plain" else request.getfixturevalue("kernels")
    value, location, weight = inputs(queries=2, batch=1)
    right = plain.sample(value, location, weight, SIZES)
    location[0, 1, 0, 2, 1] = torch.nan
    output, grad_value, grad_location, grad_weight = results(module, (value, location, weight), SIZES)
    torch.testing.assert_close(output[:, 0], right[:, 0])
    assert output[0, 1, :4].isnan().all() and grad_value.isnan().any()
    assert grad_location[0, 1, 0, 2, 1].isnan().any() and grad_weight[0, 1, 0, 2, 1].isnan()
    assert grad_location[:, 0].isfinite().all() and grad_weight[:, 0].isfinite().all()


def test_the_kernels_are_launched_on_the_gpu_that_has_the_values(
    kernels: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or prediction on "cuda:1" would read the memory of another GPU."""
    current: list[int] = []
    launched: list[tuple[str, list[int]]] = []

    @contextmanager
    def device_of(tensor: Tensor) -> Iterator[None]:
        current.append(id(tensor))
        yield
        current.clear()

    def recorder(name: str) -> MagicMock:
        made = MagicMock()
        made.__getitem__.return_value.side_effect = lambda *_, **__: launched.append((name, current[:]))
        return made

    monkeypatch.setattr(torch.cuda, "device_of", device_of)
    for name in ("_sample", "_sample_backward"):
        monkeypatch.setattr(kernels, name, recorder(name))
    tensors = inputs()
    results(kernels, tensors, SIZES)
    assert launched == [("_sample", [id(tensors[0])]), ("_sample_backward", [id(tensors[0])])]


def test_gradients_are_those_of_finite_differences() -> None:
    value, location, weight = (x.requires_grad_() for x in inputs(queries=1, batch=1))
    assert torch.autograd.gradcheck(lambda v, p, w: sample(v, p, w, SIZES), (value, location, weight))


def test_pytorch_accepts_the_operator() -> None:
    tensors = [x.requires_grad_() for x in inputs(value_dtype=torch.float32)]
    torch.library.opcheck(sample, (*tensors, SIZES))


def test_it_compiles_whole_and_recomputes_in_a_checkpoint() -> None:
    value, location, weight = (x.requires_grad_() for x in inputs())

    def loss_of(v: Tensor, p: Tensor, w: Tensor) -> Tensor:
        doubled: Tensor = sample(v * 2, p, w, SIZES)
        return doubled.sum()

    right = torch.autograd.grad(loss_of(value, location, weight), (value, location, weight))
    compiled = torch.compile(loss_of, fullgraph=True, backend="aot_eager")
    for loss in (
        compiled(value, location, weight),
        checkpoint(loss_of, value, location, weight, use_reentrant=False),
    ):
        torch.testing.assert_close(torch.autograd.grad(loss, (value, location, weight)), right)


def test_inside_autocast_values_are_bf16_and_locations_fp32() -> None:
    projection = nn.Linear(8, 8)
    _, location, weight = inputs(value_dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        value = projection(torch.randn(2, 51, 8)).view(2, 51, 2, 4)
        output = sample(value, location.requires_grad_(), weight, SIZES)
    output.float().sum().backward()
    assert (value.dtype, output.dtype, location.grad is not None) == (torch.bfloat16, torch.bfloat16, True)


def test_what_is_kept_for_the_backward_pass_is_its_inputs() -> None:
    """At the size of a plan of 640 x 640 pixels, a seventh of what grid_sample keeps."""
    kept: dict[int, Tensor] = {}

    def keep(x: Tensor) -> Tensor:
        kept[x.untyped_storage()._cdata] = x
        return x

    with FakeTensorMode(), torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        value, location, weight = (
            torch.empty(shape, requires_grad=True)
            for shape in ((1, 8500, 8, 32), (1, 8500, 8, 4, 4, 2), (1, 8500, 8, 4, 4))
        )
        sample(value, location, weight, [80, 80, 40, 40, 20, 20, 10, 10])
    assert sum(x.nbytes for x in kept.values()) == 8500 * 8 * (32 + 16 * 2 + 16) * 4
