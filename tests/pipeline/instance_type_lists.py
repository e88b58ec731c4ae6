"""Instance types as a request may name them: different ones with equally many GPUs."""

from hypothesis import strategies as st
from pipeline.instance_types import INSTANCE_TYPES

GPU_COUNTS = sorted({each.gpus for each in INSTANCE_TYPES.values()})


def types_with(gpus: int) -> list[str]:
    """All types with so many GPUs."""
    return sorted(name for name, each in INSTANCE_TYPES.items() if each.gpus == gpus)


TYPE_LISTS = st.sampled_from(GPU_COUNTS).flatmap(
    lambda gpus: st.lists(st.sampled_from(types_with(gpus)), min_size=1, max_size=5, unique=True)
)
