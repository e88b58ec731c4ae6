"""The data set that models are evaluated on: its splits, and its plans by id and by the name of their file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dataset_contract.coco import CocoDataset, Image
from dataset_contract.layout import SPLITS, annotations_path
from dataset_contract.load import DatasetError, load_split
from dataset_contract.sanitise import short
from evaluation.detections import Truth
from evaluation.refusal import EvaluationError


@dataclass(frozen=True, slots=True)
class Place:
    """Where a plan is in the data set."""

    split: str
    index: int
    """In the split's plans by id, as in Truth.plans."""
    image: Image


@dataclass(frozen=True, slots=True)
class EvaluatedDataset:
    """The data set."""

    root: Path
    splits: Mapping[str, CocoDataset]
    by_id: Mapping[int, Place]
    by_stem: Mapping[str, Place]
    """By the file's name without its ending; a number without leading zeros."""

    def truth(self, split: str, classes: tuple[str, ...] | None = None) -> Truth:
        """The true boxes of a split, of all classes or some."""
        return Truth.of(self.splits[split], classes)

    def class_ids(self, split: str) -> dict[int, str]:
        """The names of the data set's classes by their own ids."""
        return {category.id: category.name for category in self.splits[split].categories}

    def place_of(self, image_id: int | str) -> Place | None:
        """The plan that a results file means by a number, which may be an id or a file's name, or by a text."""
        if isinstance(image_id, int) and image_id in self.by_id:
            return self.by_id[image_id]
        return self.by_stem.get(stem_key(str(image_id)))


def load_dataset(root: Path, split: str) -> EvaluatedDataset:
    """Read the splits of the data set at `root`. Raises EvaluationError if `split` cannot be evaluated."""
    try:
        splits = {
            name: load_split(root, name) for name in SPLITS if name == split or (root / annotations_path(name)).exists()
        }
    except DatasetError as error:
        raise EvaluationError(str(error)) from None
    if not any(not annotation.iscrowd for annotation in splits[split].annotations):
        raise EvaluationError(
            f"The split {split} of {root} has no boxes to find: choose another with --split, or prepare the data again."
        )
    by_id: dict[int, Place] = {}
    by_stem: dict[str, Place] = {}
    for name, dataset in splits.items():
        for index, image in enumerate(sorted(dataset.images, key=lambda each: each.id)):
            place, stem = Place(name, index, image), stem_key(Path(image.file_name).stem)
            if stem in by_stem or image.id in by_id:
                raise _ambiguous(root, image)
            by_id[image.id] = by_stem[stem] = place
    for number, place in by_id.items():
        if by_stem.get(str(number), place) != place:
            raise _ambiguous(root, place.image)
    return EvaluatedDataset(root, splits, by_id, by_stem)


def _ambiguous(root: Path, image: Image) -> EvaluationError:
    return EvaluationError(
        f"{root} has two plans that results could mean by {image.id} or {short(image.file_name)}: "
        "run dataset_prep/run.py to make the data set again."
    )


def stem_key(stem: str) -> str:
    """The same for 29, "29" and "000029": Ultralytics writes the name of a file as a number where it is one."""
    return str(int(stem)) if stem.isascii() and stem.isdecimal() and len(stem) < 20 else stem
