"""The images that a YOLO data set's data.yaml names for its splits: folders of them, and lists, one image a line.

Paths are often another machine's, and anything may be where they lead: only what is in the source's folders is taken.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataset_contract.findings import FindingLog
from dataset_contract.sanitise import sanitise
from dataset_prep.errors import PrepError
from dataset_prep.sources.image_files import SUFFIXES, image_files
from dataset_prep.sources.source_files import SourceFolders

SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
"""What splits are called -> what they are called here."""
_MAX_LINES = 1_000_000  # of a list: most data sets have fewer images
_MAX_PATH = 4096
_SHOWN = 200  # characters of a path, in a finding
_MAX_PARTS = 32  # of a path of another machine's: as many are looked for


def names_splits(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The keys of data.yaml that name images, each with its split."""
    return [(key, split) for key, split in SPLIT_NAMES.items() if content.get(key) not in (None, "", [])]


def images_below(folder: Path, found: FindingLog) -> Iterator[str]:
    """The paths of the images below `folder`, spelled as a Path spells them: in `.` without it."""
    return (path.removeprefix(f"{os.curdir}{os.sep}") for path in image_files(folder, found))


def images_in_yaml(
    path: Path, content: Mapping[str, Any], root: Path, folders: SourceFolders, found: FindingLog
) -> dict[str, str | None]:
    """The images that the data.yaml at `path` names, each with its split. Raises PrepError if it or a list is broken.

    They are looked for where it is, and in `root`, the source's folder. What is outside of `folders` is an error
    finding, and not taken.
    """
    images: dict[str, str | None] = {}
    for key, split in names_splits(content):
        entries = content[key] if isinstance(content[key], list) else [content[key]]
        if not all(isinstance(entry, str) for entry in [*entries, content.get("path", "")]):
            raise PrepError(f"{path} has a `path` or `{key}` that is neither a text nor a list of texts: correct it.")
        for image in _of_split(_Yaml(path, root, folders, found), key, dict.fromkeys(entries), content.get("path", "")):
            if images.setdefault(image, split) != split:
                name, first = Path(image).name, images[image]
                found.warning(
                    "IMAGE_IN_TWO_SPLITS",
                    f"{path.name} puts {name} into {first} and into {split}; the former counts.",
                    "List every image in one split only.",
                    file=os.path.relpath(image, path.parent),
                )
    return images


@dataclass(frozen=True)
class _Yaml:
    """A data.yaml, and what may be read."""

    path: Path
    root: Path
    folders: SourceFolders
    found: FindingLog

    @property
    def folder(self) -> Path:
        return self.path.parent

    def refuse_outside(self, file: str, says: str, place: Path) -> None:
        """Add an error: `file` leads to `place`, which is not the source's."""
        inside = place.absolute().is_relative_to(self.folder.absolute())
        self.found.error(
            "OUTSIDE_SOURCE",
            f"{file} {says}, which {'leads out' if inside else 'is outside'} of the source {self.folder}.",
            f"Give --images {os.path.realpath(place if place.is_dir() else place.parent)} if the images there belong "
            f"to the data set, else correct {file}.",
            file=file,
        )


def _of_split(yaml: _Yaml, key: str, entries: Mapping[str, None], stale_root: str) -> Iterator[str]:
    """The images that data.yaml's entries for a split lead to; a place that several lead to is read once."""
    read: set[str] = set()
    for entry in entries:
        place, outside = _resolve(entry, yaml.folder, stale_root, yaml)
        says = f"names {sanitise(entry, longest=_SHOWN)} for {key}"
        if place is None and outside is not None:
            yaml.refuse_outside(yaml.path.name, says, outside)
        elif place is None:
            _refuse_split(yaml, key, f"{says}, and there is no such path below {yaml.folder}")
        elif (real := os.path.realpath(place)) not in read:
            read.add(real)
            folder = place.is_dir()
            listed = list(images_below(place, yaml.found) if folder else _listed(place, yaml))
            if not listed and folder:
                _refuse_split(yaml, key, f"{says}, and there is no image")
            yield from listed


def _refuse_split(yaml: _Yaml, key: str, problem: str) -> None:
    """Without the images that are meant for training, a model would be trained on a part of the rest."""
    name = yaml.path.name
    if key == "train":
        fix = f"Correct {name}, or copy the images that it names."
        yaml.found.error("TRAIN_FOLDER_ABSENT", f"{name} {problem}.", fix, file=name)
    else:
        fix = f"Correct {name}, or leave it if that split is meant to be absent."
        yaml.found.warning("SPLIT_FOLDER_ABSENT", f"{name} {problem}.", fix, file=name)


def _resolve(entry: str, folder: Path, stale_root: str, yaml: _Yaml) -> tuple[Path | None, Path | None]:
    """The file or folder that data.yaml means, and if there is none in the source, one outside of it.

    `path:` is often another machine's, and `../train/images` one up.
    """
    if max(len(entry), len(stale_root)) > _MAX_PATH:
        return None, None
    entry = entry.replace("\\", "/")
    parts = [part for part in entry.split("/") if part not in ("", ".", "..")][-_MAX_PARTS:]
    candidates = [folder / stale_root / entry, folder / entry]
    for base in dict.fromkeys((folder, yaml.root)):
        candidates += [base.joinpath(*parts[start:]) for start in range(len(parts))]
    above = Path(os.path.normpath(folder.absolute())).parents
    outside = None
    for candidate in candidates:
        if _exists(candidate):
            # normpath, so that one image has one path however it is reached
            path = Path(os.path.normpath(candidate))
            if yaml.folders.hold(path):
                return path, None
            # A folder around the data set, such as /, does not belong to it: somebody's whole disk may be below.
            outside = outside or (path if path not in above else None)
    return None, outside


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, say
        return False


def _listed(path: Path, yaml: _Yaml) -> Iterator[str]:
    """The images that a text file lists, one a line."""
    lines = yaml.folders.read_text(path).splitlines()
    if len(lines) > _MAX_LINES:
        raise PrepError(f"{path} has {len(lines):,} lines, more than the {_MAX_LINES:,} that are read: split it.")
    seen: dict[Path, str] = {}
    for line in filter(None, map(str.strip, lines)):
        shown = sanitise(line, longest=_SHOWN)
        image, outside = _find_image(line, (path.parent, yaml.folder), yaml)
        if outside is not None:
            yaml.refuse_outside(path.name, f"lists {shown}", outside)
        elif image is None:
            yaml.found.error(
                "IMAGE_MISSING",
                f"{path.name} lists {shown}, and there is no such image.",
                f"Add the image (an export may leave images out unless asked for them), or take it out of {path.name}.",
                file=path.name,
            )
        elif image in seen:
            yaml.found.error(
                "IMAGE_LISTED_TWICE",
                f"{path.name} lists {seen[image]} and {shown}, which lead to one and the same image.",
                f"List it once, or correct the paths in {path.name}.",
                file=path.name,
            )
        else:
            seen[image] = shown
            yield str(image)


def _find_image(line: str, bases: Sequence[Path], yaml: _Yaml) -> tuple[Path | None, Path | None]:
    """As _resolve, from the folder of the list or of data.yaml, but images only."""
    outside = None
    if os.path.splitext(line)[1].lower() in SUFFIXES:  # noqa: PTH122  a Path takes longer, for each of thousands
        for base in bases:
            image, elsewhere = _resolve(line, base, "", yaml)
            if image is not None:
                return (None, None) if image.is_dir() else (image, None)
            outside = outside or elsewhere
    return None, outside
