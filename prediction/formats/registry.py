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
    """Writes to the file; given what reads the results, once for each pass over them, and the classes by id."""


COMBINED = {
    "coco": CombinedFormat("detections.coco.json", write_coco),
    "csv": CombinedFormat("detections.csv", write_csv),
}
PER_PLAN = {"geojson": ".geojson", "svg": ".svg", "dxf": ".dxf", "areas": ".areas.csv"}
"""By name: what follows the plan's name in that of the file. plan_files.py writes them."""
FORMATS = (*COMBINED, *PER_PLAN)
DEFAULT_FORMATS = ("coco", "csv", "geojson", "svg")
