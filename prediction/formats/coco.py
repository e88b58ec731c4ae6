"""Detections as one COCO file: a data set whose annotations have a score, as annotation tools import it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import IO

from prediction.formats.result import PlanResult


def write_coco(file: IO[str], results: Callable[[], Iterator[PlanResult]], classes: Mapping[int, str]) -> None:
    """Write images, annotations and categories to `file`, one plan at a time in memory."""
    file.write('{"images": [')
    _write_list(file, _images(results()))
    file.write('], "annotations": [')
    _write_list(file, _annotations(results(), {name: number for number, name in classes.items()}))
    file.write('], "categories": [')
    _write_list(file, ({"id": number, "name": name} for number, name in classes.items()))
    file.write("]}\n")


def _images(results: Iterable[PlanResult]) -> Iterator[dict[str, object]]:
    for number, result in enumerate(results, 1):
        yield {"id": number, "file_name": result.plan, "width": result.width, "height": result.height}


def _annotations(results: Iterable[PlanResult], ids: Mapping[str, int]) -> Iterator[dict[str, object]]:
    numbers = count(1)
    for image_id, result in enumerate(results, 1):
        for each in result.detections:
            x0, y0, x1, y1 = each.box
            yield {
                "id": next(numbers),
                "image_id": image_id,
                "category_id": ids[each.label],
                "bbox": [round(value, 2) for value in (x0, y0, x1 - x0, y1 - y0)],
                "area": round((x1 - x0) * (y1 - y0), 2),
                "iscrowd": 0,
                "score": round(each.score, 4),
            }


def _write_list(file: IO[str], items: Iterable[Mapping[str, object]]) -> None:
    for number, item in enumerate(items):
        file.write(f"{',' if number else ''}\n{json.dumps(item, ensure_ascii=False)}")
