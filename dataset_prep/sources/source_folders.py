"""From which folder of the source each image is: CubiCasa5K's high_quality, say, in which plans are drawn alike."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dataset_contract.class_names import MAX_NAME_BYTES
from dataset_contract.sanitise import sanitise
from dataset_prep.sources.source import Source
from dataset_prep.sources.yolo_images import SPLIT_NAMES

_OF_THE_LAYOUT = {*SPLIT_NAMES, "image", "images"}
"""Words of folders that every data set has: they say nothing of the images in them."""


def name_folders(source: Source, root: Path, images: Sequence[Path] = ()) -> Source:
    """The source with the folder of each image that has none yet; `images` are further folders that a person named.

    Where there are several of those, each may be the one that tells images apart.
    """
    start = root.parent if root.is_file() else root
    counted_from = {start: start} | {folder: folder.parent if len(images) > 1 else folder for folder in images}
    below = {
        _absolute(spell(folder)): _absolute(spell(base))
        for folder, base in counted_from.items()
        for spell in (Path.absolute, Path.resolve)
    }
    outermost_first = sorted(below.items(), key=lambda item: len(item[0]))
    return replace(
        source,
        images=[
            image if image.folder else replace(image, folder=_folder_of(_absolute(image.path), outermost_first))
            for image in source.images
        ],
    )


def _absolute(path: Path) -> str:
    """Without `..`, as readers spell paths; links are not followed."""
    return os.path.normpath(path.absolute())


def _folder_of(path: str, below: Sequence[tuple[str, str]]) -> str:
    """`below` are folders, and for each where the names that count begin."""
    for folder, base in below:
        if path.startswith(_with_slash(folder)):
            return source_folder(path.removeprefix(_with_slash(base)))
    return ""


def _with_slash(folder: str) -> str:
    return folder.rstrip(os.sep) + os.sep


def source_folder(path: str) -> str:
    """The first folder on the way to an image, from the source on, that is not called after a split or after images.

    Fit for dataset_contract's Image.source_folder; empty if there is none.
    """
    *folders, _ = path.split(os.sep)  # noqa: PTH206  a Path takes ten times as long, for each of thousands
    for part in folders:
        words = [word for word in re.split(r"[^a-z]+", part.lower()) if word]
        if part.strip() and (not words or not _OF_THE_LAYOUT.issuperset(words)):
            return _shortened(sanitise(unicodedata.normalize("NFC", part)))
    return ""


def _shortened(name: str) -> str:
    data = name.encode()
    return name if len(data) <= MAX_NAME_BYTES else f"{data[: MAX_NAME_BYTES - 3].decode(errors='ignore')}..."
