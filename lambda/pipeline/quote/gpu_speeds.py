"""How fast one GPU of each model trains before a run has told: measured with a benchmark, or projected and said to be.

`python benchmarks/instance_speeds.py` makes room_wall's figures and shows how; docs/performance.md says how a measured
one gets here. A test compares them with what the benchmark wrote.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PROJECTED = "projected in 2026-11 from counted work, not measured"
_LIKE_A_CPU = "estimated in 2026-11, not measured"


@dataclass(frozen=True, slots=True)
class GpuSpeed:
    """Of one GPU, with the recipe's own settings; where memory decides on the batch, with two images, the least."""

    images_per_second: float
    """Training images, evaluations included in the time."""
    source: str
    """Its first word says whether it is measured."""


GPU_SPEEDS: Mapping[str, Mapping[str, GpuSpeed]] = MappingProxyType(
    {
        "room_wall": {
            "A10G": GpuSpeed(6.0, PROJECTED),
            "L4": GpuSpeed(3.9, PROJECTED),
            "L40S": GpuSpeed(10.6, PROJECTED),
            "A100": GpuSpeed(14.5, PROJECTED),
            "H100": GpuSpeed(16.2, PROJECTED),
        },
        # As fast as two CPU cores: so small a model leaves any GPU waiting for its next kernel to start.
        "tiny": dict.fromkeys(("A10G", "L4", "L40S", "A100", "H100"), GpuSpeed(5.0, _LIKE_A_CPU)),
    }
)
"""By recipe and the GPU's name in instance_types.py."""
