"""Loading a split that was checked before: for the trainer and for pages, which stop at any defect."""

from __future__ import annotations

from pathlib import Path

from dataset_contract.coco import CocoDataset, parse_coco
from dataset_contract.findings import Severity
from dataset_contract.layout import annotations_path
from dataset_contract.read_problem import read_problem


class DatasetError(Exception):
    """A data set cannot be used; the text is one sentence for a person."""


def load_split(root: Path, split: str) -> CocoDataset:
    """The COCO data of one split of the data set at `root`.

    Raises:
        DatasetError: the file is missing or unreadable, or has an error; the sentence names the first.
    """
    path = root / annotations_path(split)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read ({read_problem(error)}): run dataset_prep/run.py to make the data set again."
        ) from None
    dataset, findings = parse_coco(data, file=annotations_path(split), split=split)
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors or dataset is None:
        raise DatasetError(f"{errors[0].message} {errors[0].fix}")
    return dataset
