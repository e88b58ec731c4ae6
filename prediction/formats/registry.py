"""The formats by the names that `--format` takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from prediction.formats.coco import write_coco
from prediction.formats.cvat import write_cvat, write_cvat_labels
from prediction.formats.detections_csv import write_csv
from prediction.formats.label_studio import write_label_config, write_label_studio
from prediction.formats.result import PlanResult


@dataclass(frozen=True, slots=True)
class CombinedFile:
    """One file for all plans."""

    file_name: str
    write: Callable[[IO[str], Callable[[], Iterator[PlanResult]], Mapping[int, str]], None]
    """Writes to the file; given what reads the results, once for each pass over them, and the classes by id."""


COMBINED = {
    "coco": (CombinedFile("detections.coco.json", write_coco),),
    "csv": (CombinedFile("detections.csv", write_csv),),
    "cvat": (CombinedFile("cvat.xml", write_cvat), CombinedFile("cvat-labels.json", write_cvat_labels)),
    "label-studio": (
        CombinedFile("label-studio.json", write_label_studio),
        CombinedFile("label-studio-config.xml", write_label_config),
    ),
}
"""The files of each format by its name."""
PER_PLAN = {"geojson": ".geojson", "svg": ".svg", "dxf": ".dxf", "areas": ".areas.csv"}
"""By name: what follows the plan's name in that of the file. plan_files.py writes them."""
FORMATS = (*COMBINED, *PER_PLAN)
DEFAULT_FORMATS = ("coco", "csv", "geojson", "svg")
