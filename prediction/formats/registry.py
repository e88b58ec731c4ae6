"""The formats by the names that `--format` takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from prediction.formats.coco import write_coco
from prediction.formats.detections_csv import write_csv
from prediction.formats.result import PlanResult


@dataclass(frozen=True, slots=True)
class CombinedFormat:
    """One file for all plans."""

    file_name: str
    write: Callable[[IO[str], Callable[[], Iterator[PlanResult]], Mapping[int, str]], None]
    """To the file; called for the plans anew for each pass over them; the classes by id."""


@dataclass(frozen=True, slots=True)
class PlanFormat:
    """A file for each plan."""

    suffix: str
    """After the plan's name."""
    write: Callable[[PlanResult, float | None], bytes]
    """Given the result and the metres of a pixel."""


COMBINED = {
    "coco": CombinedFormat("detections.coco.json", write_coco),
    "csv": CombinedFormat("detections.csv", write_csv),
}
PER_PLAN: dict[str, PlanFormat] = {}
FORMATS = (*COMBINED, *PER_PLAN)
DEFAULT_FORMATS = ("coco", "csv")
