"""What a compiled layer launches, counted in the code made for CUDA, does not grow."""

from __future__ import annotations

import pytest

from benchmarks.compiled_counts import count, launches
from benchmarks.fake_cuda import NoCompilerError, environment

CODE = """
def call(args):
    triton_poi_fused_add_0.run(arg0, buf0, s0, stream=stream0)
    extern_kernels.addmm(arg1, buf0, alpha=1)
    buf2 = torch.ops.aten._scaled_dot_product_flash_attention.default(buf1)
    buf3 = torch.ops.floorplan_dino.sample.default(buf2, [s0, 7])
    return (buf3,)
"""


def test_launches_are_those_of_kernels_libraries_and_our_own_operator() -> None:
    assert launches(CODE) == 1 + 1 + 1 + 2


@pytest.mark.faults
def test_a_compiled_layer_launches_no_more_kernels_than_when_they_were_counted() -> None:
    try:
        environment()
    except NoCompilerError as error:
        pytest.skip(str(error))
    assert 0 < count("encoder", "compiled") <= 69
