"""Whether the splits go together: same classes with usable ids, disjoint ids, none empty, alike in balance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from dataset_contract.coco_types import CocoDataset
from dataset_contract.findings import Finding, FindingLog, Place
from dataset_contract.layout import annotations_path
from dataset_contract.sanitise import short

IMBALANCE = 0.2
"""Difference of a class's share of annotations between train and another split that is worth a warning."""
_ENOUGH = 50
"""Annotations from which on shares of classes mean something."""
MAX_CATEGORY_ID = 1_000
"""The model has a logit for each id up to the largest, for each of 900 queries after each of 7 layers: 25 MB an image
for 1,000 ids, which are far more classes than plans show."""


def check_splits(datasets: Mapping[str, CocoDataset]) -> list[Finding]:
    """Compare the ids, classes and sizes of the splits; one that could not be read is absent from `datasets`."""
    found = FindingLog()
    _check_sizes(datasets, found)
    _check_ids(datasets, found)
    _check_category_ids(datasets, found)
    _check_crowds(datasets, found)
    if _check_classes(datasets, found):
        _check_balance(datasets, found)
    return found.findings()


def _check_sizes(datasets: Mapping[str, CocoDataset], found: FindingLog) -> None:
    for split, dataset in datasets.items():
        place: Place = {"split": split, "file": annotations_path(split)}
        if split != "train" and not dataset.images:
            found.warning(
                "SPLIT_EMPTY",
                f"The split {split} has no images: nothing can be measured on it.",
                "Add images, or give it a larger share with --split, unless that is what you want.",
                **place,
            )
        elif split == "train" and not dataset.annotations:
            what = "annotations" if dataset.images else "images"
            found.error(
                "TRAIN_EMPTY",
                f"The split train has no {what}: there is nothing to learn.",
                "Correct the other errors; without any, add plans, or choose classes and shares that leave train some.",
                **place,
            )


def _check_ids(datasets: Mapping[str, CocoDataset], found: FindingLog) -> None:
    image_splits: dict[int, str] = {}
    annotation_splits: dict[int, str] = {}
    for split, dataset in datasets.items():
        file = annotations_path(split)
        for image in dataset.images:
            if (other := image_splits.setdefault(image.id, split)) != split:
                found.error(
                    "IMAGE_IN_TWO_SPLITS",
                    f"Image {image.id} is in {other} and in {split}.",
                    "Split again: what is trained on must not be measured on.",
                    split=split,
                    file=file,
                    image_id=image.id,
                )
        for annotation in dataset.annotations:
            if (other := annotation_splits.setdefault(annotation.id, split)) != split:
                found.warning(
                    "ANNOTATION_ID_IN_TWO_SPLITS",
                    f"Annotation id {annotation.id} is used in {other} and in {split}.",
                    "Number the annotations over all splits.",
                    split=split,
                    file=file,
                    annotation_id=annotation.id,
                )


def _check_category_ids(datasets: Mapping[str, CocoDataset], found: FindingLog) -> None:
    for split, dataset in datasets.items():
        for category in dataset.categories:
            if category.id > MAX_CATEGORY_ID:
                found.error(
                    "CATEGORY_ID_TOO_LARGE",
                    f"Category {short(category.name)} in {split} has the id {category.id:,}; the largest that is "
                    f"accepted is {MAX_CATEGORY_ID:,}.",
                    "Number the classes from 1 on, as dataset_prep/run.py does.",
                    split=split,
                    file=annotations_path(split),
                )


def _check_crowds(datasets: Mapping[str, CocoDataset], found: FindingLog) -> None:
    """Find classes of which a split has crowds only, which are neither trained nor measured."""
    for split, dataset in datasets.items():
        crowds = Counter(annotation.category_id for annotation in dataset.annotations if annotation.iscrowd)
        with_objects = {annotation.category_id for annotation in dataset.annotations if not annotation.iscrowd}
        for category in dataset.categories:
            if category.id in with_objects or not crowds[category.id]:
                continue
            place: Place = {"split": split, "file": annotations_path(split)}
            what = f"All {crowds[category.id]:,} boxes of class {short(category.name)} in {split} are marked as crowds"
            if split == "train":
                found.error(
                    "CLASS_ONLY_CROWDS",
                    f"{what} (iscrowd 1), which are not trained: the class cannot be learnt.",
                    "If each is a single object, as in CVAT's masks, give dataset_prep/run.py --crowds objects; else "
                    "mark single objects, or leave the class out with --classes.",
                    **place,
                )
            else:
                found.warning(
                    "CLASS_NOT_MEASURED",
                    f"{what} (iscrowd 1), which metrics ignore: nothing tells how well the class is found.",
                    "If each is a single object, give dataset_prep/run.py --crowds objects.",
                    **place,
                )


def _check_classes(datasets: Mapping[str, CocoDataset], found: FindingLog) -> bool:
    """Whether all splits have the same classes."""
    classes = {split: {item.id: item.name for item in dataset.categories} for split, dataset in datasets.items()}
    if not classes:
        return False
    first, expected = next(iter(classes.items()))
    for split, names in classes.items():
        if names != expected:
            found.error(
                "CLASSES_DIFFER",
                f"{split} has the classes {_listed(names)}, but {first} has {_listed(expected)}.",
                "Make all splits with one run of dataset_prep/run.py.",
                split=split,
                file=annotations_path(split),
            )
    return all(names == expected for names in classes.values())


def _listed(names: Mapping[int, str]) -> str:
    shown = ", ".join(f"{number} {short(name)}" for number, name in sorted(names.items())[:10])
    return f"{shown}, ..." if len(names) > 10 else shown or "none"


def _check_balance(datasets: Mapping[str, CocoDataset], found: FindingLog) -> None:
    shares = {split: _class_shares(dataset) for split, dataset in datasets.items()}
    if "train" not in shares or not datasets["train"].annotations:
        return
    for category in datasets["train"].categories:
        in_train = shares["train"].get(category.id, 0.0)
        if in_train == 0:
            found.warning(
                "CLASS_NOT_IN_TRAIN",
                f"Class {short(category.name)} has no annotation in train: it cannot be learnt.",
                "Add examples, or leave the class out with --classes.",
                split="train",
                file=annotations_path("train"),
            )
            continue
        for split, share in shares.items():
            here = share.get(category.id, 0.0)
            if len(datasets[split].annotations) >= _ENOUGH and abs(here - in_train) > IMBALANCE:
                found.warning(
                    "CLASS_BALANCE",
                    f"Class {short(category.name)} is {here:.0%} of the boxes in {split}, but {in_train:.0%} in train.",
                    "Check whether the splits were drawn at random from the same plans.",
                    split=split,
                    file=annotations_path(split),
                )


def _class_shares(dataset: CocoDataset) -> dict[int, float]:
    counts: dict[int, int] = defaultdict(int)
    for annotation in dataset.annotations:
        counts[annotation.category_id] += 1
    return {category_id: count / len(dataset.annotations) for category_id, count in counts.items()}
