"""A compiled layer launches fewer kernels than as it is written, counted in the code made for CUDA."""

from __future__ import annotations

import pytest

from benchmarks.compiled_counts import KINDS, count, launches
from benchmarks.fake_cuda import NoCompilerError, environment

CODE = """
def call(args):
    triton_poi_fused_add_0.run(arg0, buf0, s0, stream=stream0)
    extern_kernels.addmm(arg1, buf0, alpha=1)
    buf2 = torch.ops.aten._scaled_dot_product_flash_attention.default(buf1)
    buf3 = torch.ops.floorplan_dino.sample.default(buf2, [s0, 7])
    assert_size_stride(buf3, (s0, 7), (7, 1), 'torch.ops.floorplan_dino.sample.default')
    buf4 = workspace_0[0 : 256].view(s0, 256).sum(dim=0)
    return (buf3,)
"""


def test_launches_are_those_of_kernels_libraries_operators_and_methods() -> None:
    assert launches(CODE) == 1 + 1 + 1 + 2 + 1


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
def test_a_compiled_layer_launches_fewer_kernels(kind: str) -> None:
    try:
        environment()
    except NoCompilerError as error:
        pytest.skip(str(error))
    assert 0 < count(kind, "compiled") < count(kind, "written")
