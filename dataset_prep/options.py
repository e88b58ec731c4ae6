"""What a person may ask the preparation for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dataset_prep.sources.cubicasa5k import Policy
from dataset_prep.split import Shares


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
    """None means wall, room."""
    split: Shares | None = (0.7, 0.2, 0.1)
    """None takes the source's own split."""
    seed: int = 42
    limit: int | None = None
    drop_empty: bool = False
    policy: Policy = field(default_factory=Policy)
    workers: int = 4
    dry_run: bool = False
    report: Path | None = None
    bucket: str | None = None
    prefix: str = "dino-data"
    replace: bool = False
