"""The detections of a file before its class numbers have names, and what must be true of their boxes and scores."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from dataset_contract.sanitise import sanitise, short
from evaluation.refusal import EvaluationError
from evaluation.results.plan_index import Place, PlanIndex

_OUTSIDE = 0.1
"""Of the plan's side: what a box may reach beyond it. Rounding and boxes that are not clipped reach less."""
_NAMED = 5


@dataclass(slots=True)
class FoundBoxes:
    """What a file says."""

    file: str
    """As a sentence names it."""
    starts: tuple[int, ...] = ()
    """The numbers that the first class may have in such a file; of a format that is certain, one."""
    own_ids: bool = False
    """Whether the numbers may be the data set's own ids."""
    places: list[Place] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    """Of the classes."""
    scores: list[float] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    """x, y, width, height in pixels of the plan."""

    def add(self, where: str, place: Place, number: int, score: object, box: Sequence[object]) -> None:
        """Take one detection. Raises EvaluationError, which says `where` it is, if it cannot be one."""
        numbers = [_finite(value) for value in (*box, score)]
        if None in numbers or len(box) != 4:
            raise EvaluationError(
                f"{where} needs a box of four numbers and a score, not {short([*box])} and {short(score)}: write the "
                "file again with finite numbers."
            )
        x, y, width, height, confidence = (value or 0.0 for value in numbers)
        if not 0 <= confidence <= 1:
            raise EvaluationError(f"{where} has the score {confidence:g}: scores must be from 0 to 1.")
        across, down = place.image.width * _OUTSIDE, place.image.height * _OUTSIDE
        if (
            min(width, height) < 0
            or min(x + across, y + down) < 0
            or x + width > place.image.width + across
            or y + height > place.image.height + down
        ):
            raise EvaluationError(
                f"{where} has the box {short([*box])}, outside of its plan of {place.image.width} x "
                f"{place.image.height} pixels: boxes must be x, y, width, height in pixels of the data set's own image."
            )
        self.places.append(place)
        self.numbers.append(number)
        self.scores.append(confidence)
        self.boxes.append((x, y, width, height))


def joined(name: str, files: Sequence[FoundBoxes]) -> FoundBoxes:
    """The detections of all files of the model `name`, which must be on different plans and in one format."""
    whole = replace(files[0], file=" and ".join(each.file for each in files))
    for each in files[1:]:
        if (each.starts, each.own_ids) != (whole.starts, whole.own_ids):
            raise EvaluationError(f"{whole.file}, of the model {name}, differ in format: write them by one program.")
        twice = {place.image.id for place in whole.places} & {place.image.id for place in each.places}
        if twice:
            raise EvaluationError(
                f"{whole.file} both have the plan {min(twice)}, as the model {name}: give each plan's results once."
            )
        whole.places.extend(each.places)
        whole.numbers.extend(each.numbers)
        whole.scores.extend(each.scores)
        whole.boxes.extend(each.boxes)
    return whole


def check_plans(file: str, unknown: Collection[str], known: int, plans: PlanIndex) -> None:
    """Raise EvaluationError if a file is about plans that the data set does not have."""
    if not unknown:
        return
    named = ", ".join(sanitise(name, longest=60) for name in sorted(unknown)[:_NAMED])
    more = f" and {len(unknown) - _NAMED:,} more" if len(unknown) > _NAMED else ""
    raise EvaluationError(
        f"{file} is about other images: {known:,} of its {known + len(unknown):,} are plans of {plans.location}, the "
        f"others are not ({named}{more}); predict on the data set's own images, under their names."
    )


def check_not_empty(boxes: FoundBoxes, split: str) -> None:
    """Raise EvaluationError if there is nothing to evaluate on `split`."""
    if not boxes.places:
        raise EvaluationError(f"{boxes.file} holds no detections: predict again, with a lower confidence.")
    others = sorted({place.split for place in boxes.places} - {split})
    if others and not any(place.split == split for place in boxes.places):
        raise EvaluationError(
            f"{boxes.file} has no detection on the split {split}, only on {' and '.join(others)}: give the results of "
            f"{split}, or --split {others[0]}."
        )


def _finite(value: object) -> float | None:
    return (
        float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        else None
    )
