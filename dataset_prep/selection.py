"""Which images and boxes of a source the data set gets, and in which split each image is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dataset_contract.class_names import class_name, class_name_problem
from dataset_contract.findings import Finding, FindingLog
from dataset_contract.sanitise import short
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.plural import pluralise
from dataset_prep.sources.cubicasa5k_policy import CLASSES, OPENINGS, ROOM
from dataset_prep.sources.source import Source, SourceImage
from dataset_prep.split import Shares, split_ids


@dataclass(frozen=True)
class SelectionOptions:
    """What a person wants in the data set; the names are those of the command line."""

    classes: tuple[str, ...] | None = None
    """None means wall, room; CubiCasa5K's room types can be named too."""
    split: Shares | None = (0.7, 0.2, 0.1)
    """None takes the source's own split."""
    seed: int = 42
    drop_empty: bool = False
    """Leave out images without boxes."""
    drop_mismatched: bool = False
    """Leave out images whose annotation seems to belong to another image."""


@dataclass(frozen=True)
class Selection:
    """What the data set is made of."""

    images: Sequence[SourceImage]
    """In the order of their ids, with boxes of `classes` only."""
    splits: Mapping[int, str]
    """Image id -> split."""
    classes: Sequence[str]
    """In the order of their category ids, which count from 1."""
    findings: Sequence[Finding] = ()
    """What was left out."""

    def of_split(self, split: str) -> list[SourceImage]:
        """The images of one split."""
        return [image for image in self.images if self.splits[image.image_id] == split]


def select(source: Source, options: SelectionOptions) -> Selection:
    """The images that `options` ask for.

    Raises PrepError if nothing is left, UsageError if the source has no split of its own but is asked for it, or no
    class or room type of a name that was asked for.
    """
    classes = tuple(map(class_name, options.classes or CLASSES))
    known: dict[str, str] = {}
    for name in classes:
        same = known.setdefault(name.casefold(), name)  # as the contract tells names apart
        if (problem := class_name_problem(name)) is not None:
            raise PrepError(f"The class {short(name)} {problem}: give it a short name on one line in the source.")
        if same != name:
            raise PrepError(f"The classes {short(same)} and {short(name)} count as one: name only one of them.")
    found = FindingLog()
    images = _with_classes(_with_room_types(source.images, classes), classes, found, asked=options.classes is not None)
    if options.drop_empty:
        images = _without_empty(images, found)
    splits = _split(images, options)
    # After the split, so that a data set with mismatched annotations can be compared with one without.
    if options.drop_mismatched:
        images = _without_mismatched(images, found)
    return Selection(images, {image.image_id: splits[image.image_id] for image in images}, classes, found.findings())


def _with_room_types(images: Sequence[SourceImage], classes: Sequence[str]) -> list[SourceImage]:
    """The images with the class of each room whose type is named among `classes` changed to that type.

    A type is CubiCasa5K's, such as "Closet WalkIn"; closet, walkin and closet walkin all name it, the most specific
    name wins.
    """
    labels = {box.label for image in images for box in image.boxes}
    types = {box.room_type for image in images for box in image.boxes if box.room_type}
    wanted = {_plain(name): name for name in classes if name not in {*labels, *CLASSES, *OPENINGS}}
    by_type: dict[str | None, str] = {}
    for room_type in types:
        first_to_last = [_plain(token) for token in room_type.split()]
        name = next((name for name in (_plain(room_type), *reversed(first_to_last)) if name in wanted), None)
        if name is not None:
            by_type[room_type] = wanted[name]
    names = {_plain(name) for room_type in types for name in (room_type, *room_type.split())}
    unknown = [name for plain, name in wanted.items() if plain not in names]
    if unknown and types:
        raise UsageError(
            f"--classes {unknown[0]}: the source has no class and no type of room of that name. It has "
            f"{', '.join(sorted(labels))}, and as types of rooms {', '.join(sorted(types))}."
        )
    if not by_type:
        return list(images)
    return [
        replace(
            image,
            boxes=tuple(
                box._replace(label=by_type[box.room_type]) if box.room_type in by_type and box.label == ROOM else box
                for box in image.boxes
            ),
        )
        for image in images
    ]


def _plain(name: str) -> str:
    """A room type however it is written: LivingRoom, living room, living_room."""
    return re.sub(r"[\s_-]", "", name).casefold()


def _with_classes(
    images: Sequence[SourceImage], classes: Sequence[str], found: FindingLog, *, asked: bool
) -> list[SourceImage]:
    """The images with the boxes of `classes` only; a class that is left out is a warning unless `asked` names them."""
    left_out: Counter[str] = Counter(box.label for image in images for box in image.boxes if box.label not in classes)
    if not left_out:
        return list(images)
    chosen = [replace(image, boxes=tuple(box for box in image.boxes if box.label in classes)) for image in images]
    if not any(image.boxes for image in chosen):
        raise PrepError(
            f"The classes in the source are {', '.join(sorted(left_out))}, and none of them is "
            f"{' or '.join(classes)}: name the classes you want with --classes."
        )
    for name, count in sorted(left_out.items()):
        (found.info if asked else found.warning)(
            "CLASS_NOT_ASKED_FOR",
            f"{pluralise(count, 'box', 'boxes')} of the class {name} {'is' if count == 1 else 'are'} left out.",
            f"Name it with --classes if you want it: --classes {','.join([*classes, name])}.",
        )
    return chosen


def _without_empty(images: list[SourceImage], found: FindingLog) -> list[SourceImage]:
    kept = [image for image in images if image.boxes]
    if not kept:
        raise PrepError("No image of the source has a box, and --drop-empty drops those: nothing is left.")
    if empty := len(images) - len(kept):
        found.info(
            "IMAGES_WITHOUT_BOXES_DROPPED",
            f"{pluralise(empty, 'image', 'images')} without boxes {'is' if empty == 1 else 'are'} left out.",
            "Nothing to do: --drop-empty was given.",
        )
    return kept


def _without_mismatched(images: list[SourceImage], found: FindingLog) -> list[SourceImage]:
    kept = [image for image in images if not image.mismatched]
    if not kept:
        raise PrepError(
            "No annotation of the source fits its image, and --drop-mismatched drops those: nothing is left."
        )
    if mismatched := len(images) - len(kept):
        found.info(
            "MISMATCHED_DROPPED",
            f"{pluralise(mismatched, 'image', 'images')} with a mismatched annotation "
            f"{'is' if mismatched == 1 else 'are'} left out; all others stay in their splits.",
            "Nothing to do: --drop-mismatched was given.",
        )
    return kept


def _split(images: Sequence[SourceImage], options: SelectionOptions) -> dict[int, str]:
    if options.split is not None:
        return split_ids((image.image_id for image in images), options.split, options.seed)
    undecided = [image for image in images if image.official_split is None]
    if undecided:
        first = "/".join(undecided[0].path.parts[-3:])
        raise UsageError(
            f"The source names no split for {len(undecided):,} of its {len(images):,} images, such as {first}: "
            "give shares instead of `official`, such as --split 0.7,0.2,0.1."
        )
    return {image.image_id: image.official_split or "" for image in images}
