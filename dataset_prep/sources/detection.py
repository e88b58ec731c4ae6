"""Which format a source has: every one that it could be, each with what was seen of it, the likeliest first."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import filterfalse
from pathlib import Path

from dataset_contract.sanitise import sanitise
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.sources.coco_files import find_annotations
from dataset_prep.sources.cubicasa5k_plans import ANNOTATION, find_root
from dataset_prep.sources.image_files import SUFFIXES
from dataset_prep.sources.other_formats import other_format
from dataset_prep.sources.source_files import is_hidden
from dataset_prep.sources.yolo_darknet import find_darknet
from dataset_prep.sources.yolo_label_files import is_labels
from dataset_prep.sources.yolo_names import name_files
from dataset_prep.sources.yolo_yaml import find_yaml

FORMATS = ("cubicasa5k", "yolo", "coco")
_TITLES = {"cubicasa5k": "CubiCasa5K", "yolo": "YOLO", "coco": "COCO"}
_DEEPEST = 3  # folders below the source in which labels are looked for


@dataclass(frozen=True)
class Detected:
    """What a source was taken for."""

    format: str
    """One of FORMATS."""
    reason: str
    """What was seen: the end of the sentence "it holds ..."."""
    others: tuple[tuple[str, str], ...] = ()
    """What else it could be: format and reason."""

    def __str__(self) -> str:
        """In one sentence, without a full stop."""
        also = " and ".join(
            f"{_TITLES[name]}, since it holds {reason} (--format {name})" for name, reason in self.others
        )
        return f"taken for {_TITLES[self.format]}, since it holds {self.reason}" + (
            f"; could be {also}" if also else ""
        )


def detect(source: Path) -> Detected:
    """The format of what is at `source`.

    Raises UsageError if it is none of FORMATS, or several data sets; PrepError if what would tell cannot be read.
    """
    seen: dict[str, str] = {}
    try:
        for name, reason in _seen(source):
            seen.setdefault(name, sanitise(reason))
    except (PrepError, UsageError):
        if not seen:  # else other files beside it say nothing
            raise
    if not seen:
        if (other := other_format(source)) is not None:
            raise UsageError(f"{sanitise(source)} is not a data set of a known format: {other}.")
        raise UsageError(
            f"{source} is not a data set of a known format: neither CubiCasa5K (folders high_quality, colorful, ...), "
            "nor COCO (a JSON file with images and annotations), nor YOLO (data.yaml, a list of class names such as "
            "classes.txt, or label files in a folder labels or beside the images). Give the folder of one with "
            "--source; docs/own-plans.md tells how plans get boxes."
        )
    (first, reason), *others = seen.items()
    return Detected(first, reason, tuple(others))


def _seen(source: Path) -> Iterator[tuple[str, str]]:
    """Formats with what speaks for them, the likeliest first."""
    root = find_root(source) if source.is_dir() else None
    if root is not None and any(root.glob(f"*/*/{ANNOTATION}")):
        yield "cubicasa5k", f"CubiCasa5K's folders with {ANNOTATION}"
    if coco := find_annotations(source):
        more = f" and {len(coco) - 1} more" if len(coco) > 1 else ""
        yield "coco", f"{_below(coco[0], source)}{more} with COCO's sections"
    if root is not None:  # without one annotation, which reading it says
        yield "cubicasa5k", "CubiCasa5K's folders"
        return
    if (config := find_yaml(source)) is not None:
        yield "yolo", _below(config, source)
    elif source.is_dir() and (reason := _sign_of_yolo(source)) is not None:
        yield "yolo", reason


def _sign_of_yolo(source: Path) -> str | None:
    """What tells of YOLO's labels where no YAML file does."""
    if (data := find_darknet(source)) is not None:
        return _below(data, source)
    beside: str | None = None
    for directory, folders, files in os.walk(source):
        place = Path(directory)
        if lists := name_files(place):
            return _below(lists[0], source)
        if (folder := next(filter(is_labels, sorted(folders)), None)) is not None:
            return f"a folder {_below(place / folder, source)}"
        texts = {name.removesuffix(".txt") for name in files if name.endswith(".txt") and not name.startswith(".")}
        image = next(
            (name for name in files if Path(name).suffix.lower() in SUFFIXES and Path(name).stem in texts), None
        )
        if beside is None and image is not None:
            beside = f"{_below(place / image, source)} with a text file beside it"
        deep = len(place.relative_to(source).parts) >= _DEEPEST
        folders[:] = [] if deep else sorted(filterfalse(is_hidden, folders))
    return beside


def _below(path: Path, source: Path) -> str:
    return path.relative_to(source).as_posix() if path != source else path.name
