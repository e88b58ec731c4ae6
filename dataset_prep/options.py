"""What a person may ask the preparation for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dataset_prep.sources.cubicasa5k_classes import Policy
from dataset_prep.sources.repairs import Repairs
from dataset_prep.split import Shares

DEFAULT_PREFIX = "dino-data"
"""The bucket's folder that the stack's training reads, unless it was deployed with another."""


@dataclass(frozen=True)
class Options:
    """What a person asks for; the field names are those of the command line."""

    source: Path
    output: Path
    format: str | None = None
    """One of FORMATS; None looks at the source."""
    annotations: tuple[Path, ...] = ()
    images: tuple[Path, ...] = ()
    classes: tuple[str, ...] | None = None
    """None means wall, room; CubiCasa5K's room types can be named too."""
    split: Shares | None = (0.7, 0.2, 0.1)
    """None takes the source's own split."""
    seed: int = 42
    limit: int | None = None
    drop_empty: bool = False
    drop_misfits: bool = False
    """Leave out images whose boxes seem to belong to another picture."""
    repairs: Repairs = field(default_factory=Repairs)
    fix_leakage: bool = False
    """Move images so that no pictures that are alike are in two splits."""
    policy: Policy = field(default_factory=Policy)
    workers: int = 4
    dry_run: bool = False
    report: Path | None = None
    bucket: str | None = None
    prefix: str = DEFAULT_PREFIX
    replace: bool = False
