"""What was found on one picture, as every format takes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prediction.predictor import Detection


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The detections on a plan, or on one page of it."""

    plan: str
    """Its name, as written_name() gives it: the path below what was named on the command line, with `/page-N` where
    it has pages."""
    width: int
    """Pixels of the upright picture."""
    height: int
    detections: Sequence[Detection]
    """In its pixels, best first."""
