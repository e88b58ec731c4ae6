"""Which images and boxes of a source the data set gets, and in which split each image is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dataset_contract.findings import Finding, FindingLog
from dataset_contract.layout import SPLITS
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.options import Options
from dataset_prep.sources.cubicasa5k import CLASSES
from dataset_prep.sources.source import Source, SourceImage, class_name
from dataset_prep.split import split_ids


@dataclass(frozen=True)
class Selection:
    """What the data set is made of."""

    images: Sequence[SourceImage]
    """In the order of their ids, with boxes of `classes` only."""
    splits: Mapping[int, str]
    """Image id -> split."""
    classes: Sequence[str]
    """In the order of their category ids, which count from 1."""

    def of_split(self, split: str) -> list[SourceImage]:
        """The images of one split."""
        return [image for image in self.images if self.splits[image.image_id] == split]

    def counts(self) -> dict[str, Any]:
        """The counts of a report in the contract's form, for a data set that is not written."""
        counted: dict[str, Any] = {}
        for split in SPLITS:
            images = self.of_split(split)
            labels = Counter(box.label for image in images for box in image.boxes)
            counted[split] = {
                "images": len(images),
                "annotations": labels.total(),
                "background_images": sum(not image.boxes for image in images),
                "annotations_by_class": {name: labels[name] for name in self.classes},
            }
        return {
            "images": len(self.images),
            "annotations": sum(split["annotations"] for split in counted.values()),
            "splits": counted,
        }


def select(source: Source, options: Options) -> tuple[Selection, list[Finding]]:
    """The images that `options` ask for, and findings about what is left out.

    Raises PrepError if nothing is left, UsageError if the source has no split of its own but is asked for it.
    """
    classes = tuple(map(class_name, options.classes or CLASSES))
    images, findings = _choose(source, classes, options)
    return Selection(images, _split(images, options), classes), findings


def _choose(source: Source, classes: Sequence[str], options: Options) -> tuple[list[SourceImage], list[Finding]]:
    """The images with the boxes of `classes` only, without empty ones if so asked; what was left out is said."""
    found = FindingLog()
    left_out: Counter[str] = Counter(
        box.label for image in source.images for box in image.boxes if box.label not in classes
    )
    images = [
        replace(image, boxes=tuple(box for box in image.boxes if box.label in classes)) for image in source.images
    ]
    if left_out and not any(image.boxes for image in images):
        raise PrepError(
            f"The classes in {options.source} are {', '.join(sorted(left_out))}, and none of them is "
            f"{' or '.join(classes)}: name the classes you want with --classes."
        )
    for name, count in sorted(left_out.items()):
        found.warning(
            "CLASS_NOT_ASKED_FOR",
            f"{count:,} boxes of the class {name} are left out.",
            f"Name it with --classes if you want it: --classes {','.join([*classes, name])}.",
        )
    empty = sum(not image.boxes for image in images)
    if options.drop_empty and empty:
        images = [image for image in images if image.boxes]
        found.info(
            "IMAGES_WITHOUT_BOXES_DROPPED", f"{empty:,} images without boxes are left out.", "As --drop-empty asks."
        )
    if not images:
        raise PrepError(f"No image of {options.source} has a box, and --drop-empty drops those: nothing is left.")
    return images, found.findings()


def _split(images: Sequence[SourceImage], options: Options) -> dict[int, str]:
    if options.split is not None:
        return split_ids((image.image_id for image in images), options.split, options.seed)
    undecided = [image for image in images if image.official_split is None]
    if undecided:
        first = "/".join(undecided[0].path.parts[-3:])
        raise UsageError(
            f"The source says for {len(undecided):,} of its {len(images):,} images not to which split they belong, "
            f"such as {first}: give shares instead of `official`, such as --split 0.7,0.2,0.1."
        )
    return {image.image_id: image.official_split or "" for image in images}
