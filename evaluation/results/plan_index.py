"""The plans of a data set by id and by the name of their file: which one a results file means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from dataset_contract.coco import CocoDataset, Image
from dataset_contract.sanitise import short
from evaluation.refusal import EvaluationError


@dataclass(frozen=True, slots=True)
class Place:
    """Where a plan is in the data set."""

    split: str
    index: int
    """In the split's plans by id, as in Truth.plans."""
    image: Image


@dataclass(frozen=True, slots=True)
class PlanIndex:
    """The plans of some splits."""

    location: str
    """The data set as a sentence names it."""
    by_id: Mapping[int, Place]
    by_stem: Mapping[str, Place]
    """By the file's name without its ending; a number without leading zeros."""

    @classmethod
    def of(cls, location: str, splits: Mapping[str, CocoDataset]) -> PlanIndex:
        """The plans of `splits`. Raises EvaluationError if results could mean two of them by the same number."""
        by_id: dict[int, Place] = {}
        by_stem: dict[str, Place] = {}
        for name, dataset in splits.items():
            for index, image in enumerate(sorted(dataset.images, key=lambda each: each.id)):
                place, stem = Place(name, index, image), stem_key(PurePosixPath(image.file_name).stem)
                if stem in by_stem or image.id in by_id:
                    raise _ambiguous(location, image)
                by_id[image.id] = by_stem[stem] = place
        for number, place in by_id.items():
            if by_stem.get(str(number), place) != place:
                raise _ambiguous(location, place.image)
        return cls(location, by_id, by_stem)

    def place_of(self, image_id: int | str) -> Place | None:
        """The plan that a results file means by a number, which may be an id or a file's name, or by a text."""
        if isinstance(image_id, int) and image_id in self.by_id:
            return self.by_id[image_id]
        return self.by_stem.get(stem_key(str(image_id)))


def stem_key(stem: str) -> str:
    """The same for 29, "29" and "000029": Ultralytics writes the name of a file as a number where it is one."""
    return str(int(stem)) if stem.isascii() and stem.isdecimal() and len(stem) < 20 else stem


def _ambiguous(location: str, image: Image) -> EvaluationError:
    return EvaluationError(
        f"{location} has two plans that results could mean by {image.id} or {short(image.file_name)}: "
        "run dataset_prep/run.py to make the data set again."
    )
