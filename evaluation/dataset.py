"""The data set that models are evaluated on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dataset_contract.coco import CocoDataset
from dataset_contract.layout import SPLITS, annotations_path
from dataset_contract.load import DatasetError, load_split
from evaluation.detections import Truth
from evaluation.refusal import EvaluationError
from evaluation.results.plan_index import PlanIndex


@dataclass(frozen=True, slots=True)
class EvaluatedDataset:
    """The data set."""

    root: Path
    splits: Mapping[str, CocoDataset]
    plans: PlanIndex

    def truth(self, split: str, classes: tuple[str, ...] | None = None) -> Truth:
        """The true boxes of a split, of all classes or some."""
        return Truth.of(self.splits[split], classes)

    def class_ids(self, split: str) -> dict[int, str]:
        """The names of the data set's classes by their own ids."""
        return {category.id: category.name for category in self.splits[split].categories}


def load_dataset(root: Path, split: str) -> EvaluatedDataset:
    """Read the splits of the data set at `root`. Raises EvaluationError if `split` cannot be evaluated."""
    try:
        splits = {
            name: load_split(root, name) for name in SPLITS if name == split or (root / annotations_path(name)).exists()
        }
    except DatasetError as error:
        raise EvaluationError(str(error)) from None
    except OSError as error:  # of a path that may not be looked at, or cannot be one
        raise EvaluationError(f"{root} cannot be read ({error.strerror}): name the data set's folder.") from None
    if not any(not annotation.iscrowd for annotation in splits[split].annotations):
        raise EvaluationError(
            f"The split {split} of {root} has no boxes to find: choose another with --split, or prepare the data again."
        )
    return EvaluatedDataset(root, splits, PlanIndex.of(str(root), splits))
