"""The instance types that a request may name: their GPUs, their disk, and the price of an hour of training.

README's table has a row for each; a test compares them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Gpu:
    """An NVIDIA GPU model; quote/gpu_speeds.py has its speed."""

    name: str
    memory_gb: int


@dataclass(frozen=True, slots=True)
class InstanceType:
    """An instance type with one GPU, or several of the same model."""

    gpu: Gpu
    gpus: int
    usd_per_hour: Decimal
    """On demand, for training, in PRICES_REGION at PRICES_DATE."""
    local_disk_gb: int
    """NVMe, encrypted by the hardware: SageMaker then makes no volume and refuses a KMS key for one."""


PRICES_DATE = "2026-08"
PRICES_REGION = "us-east-1"

_A10G = Gpu("A10G", memory_gb=24)
_L4 = Gpu("L4", memory_gb=24)
_L40S = Gpu("L40S", memory_gb=48)
_A100 = Gpu("A100", memory_gb=40)
_H100 = Gpu("H100", memory_gb=80)

INSTANCE_TYPES = {
    "ml.g5.xlarge": InstanceType(_A10G, 1, Decimal("1.408"), local_disk_gb=250),
    "ml.g5.2xlarge": InstanceType(_A10G, 1, Decimal("1.515"), local_disk_gb=450),
    "ml.g5.12xlarge": InstanceType(_A10G, 4, Decimal("7.09"), local_disk_gb=3800),
    "ml.g5.48xlarge": InstanceType(_A10G, 8, Decimal("20.36"), local_disk_gb=7600),
    "ml.g6.xlarge": InstanceType(_L4, 1, Decimal("1.1267"), local_disk_gb=250),
    "ml.g6.2xlarge": InstanceType(_L4, 1, Decimal("1.222"), local_disk_gb=450),
    "ml.g6.12xlarge": InstanceType(_L4, 4, Decimal("5.752"), local_disk_gb=3760),
    "ml.g6e.2xlarge": InstanceType(_L40S, 1, Decimal("2.8026"), local_disk_gb=450),
    "ml.g6e.12xlarge": InstanceType(_L40S, 4, Decimal("13.1158"), local_disk_gb=3800),
    "ml.p4d.24xlarge": InstanceType(_A100, 8, Decimal("25.25"), local_disk_gb=8000),
    "ml.p5.48xlarge": InstanceType(_H100, 8, Decimal("63.296"), local_disk_gb=30720),
}
"""All have NVMe disks: job/arguments.py asks for no volume, so a type without one does not fit."""


def instances_name(instance_types: Sequence[str], count: int) -> str:
    """`count` instances of any of the types, for people."""
    return f"{f'{count} x ' if count > 1 else ''}{' or '.join(instance_types)}"
