"""The instance types that a request may name: their GPU, their disk, and the price of an hour of training.

README's table has a row for each; a test compares them.
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Gpu:
    """An NVIDIA GPU model, with the figures of its data sheet."""

    name: str
    memory_gb: int
    bandwidth_gb_per_second: int
    """Of its memory: what DINO's training waits for most, so that estimated speeds scale with it."""


@dataclass(frozen=True, slots=True)
class InstanceType:
    """An instance type with one GPU."""

    gpu: Gpu
    usd_per_hour: Decimal
    """On demand, for training, in PRICES_REGION at PRICES_DATE."""
    local_disk_gb: int
    """NVMe, encrypted by the hardware: SageMaker then makes no volume and refuses a KMS key for one."""


PRICES_DATE = "2026-08"
PRICES_REGION = "us-east-1"

_A10G = Gpu("A10G", memory_gb=24, bandwidth_gb_per_second=600)
_L4 = Gpu("L4", memory_gb=24, bandwidth_gb_per_second=300)
_L40S = Gpu("L40S", memory_gb=48, bandwidth_gb_per_second=864)

INSTANCE_TYPES = {
    "ml.g5.xlarge": InstanceType(_A10G, Decimal("1.408"), local_disk_gb=250),
    "ml.g5.2xlarge": InstanceType(_A10G, Decimal("1.515"), local_disk_gb=450),
    "ml.g6.xlarge": InstanceType(_L4, Decimal("1.1267"), local_disk_gb=250),
    "ml.g6.2xlarge": InstanceType(_L4, Decimal("1.222"), local_disk_gb=450),
    "ml.g6e.2xlarge": InstanceType(_L40S, Decimal("2.8026"), local_disk_gb=450),
}
"""All have one GPU: how much sooner a job ends on several has not been measured, so a quote would be a guess.

All have NVMe disks: job/arguments.py asks for no volume, so a type without one does not fit.
"""
