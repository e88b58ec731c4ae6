"""Where a YOLO data set keeps its pictures, labels, class names and splits: data.yaml, or the folders alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dataset_contract.findings import FindingLog
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.images import SUFFIXES

_SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_NAME_FILES = ("classes.txt", "obj.names", "_darknet.labels")


@dataclass(frozen=True)
class YoloLayout:
    """The pictures of a YOLO data set with their splits (None where it has none), and its class names by index."""

    root: Path
    images: Mapping[Path, str | None]
    names: Mapping[int, str]


def find_yaml(source: Path) -> Path | None:
    """The data set's YAML file: `source` itself, or the one in that folder which names classes or splits."""
    if source.is_file():
        return source if source.suffix.lower() in (".yaml", ".yml") else None
    files = sorted(path for path in source.iterdir() if path.suffix.lower() in (".yaml", ".yml") and path.is_file())
    known = [path for path in files if path.name in ("data.yaml", "data.yml", "dataset.yaml")]
    return next(
        iter(known + [path for path in files if _read_yaml(path).keys() & {"names", "nc", "train", "val"}]), None
    )


def read_layout(source: Path, classes: Sequence[str] | None, found: FindingLog) -> YoloLayout:
    """The layout of the data set at `source`; `classes` are the person's, for sets that name none.

    Raises UsageError if the classes' names are not known, PrepError if data.yaml is broken.
    """
    path = find_yaml(source)
    if path is None:
        root = source
        images = {image: _split_in_path(image.relative_to(root)) for image in _images_below(root)}
        return YoloLayout(root, images, _names_beside(root) or _asked_names(classes, source, None))
    content = _read_yaml(path)
    names = _names(content.get("names"), path) or _asked_names(classes, path, content.get("nc"))
    return YoloLayout(path.parent, _images_in_yaml(path, content, found), names)


def label_path(image: Path) -> Path:
    """The label file of a picture: the last folder `images` becomes `labels`; without one it lies beside it."""
    parts = list(image.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index] == "images":
            parts[index] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        # BaseLoader makes only strings, lists and dicts, so that classes called "no" and "on" stay what they are.
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=yaml.BaseLoader)  # noqa: S506  see above
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error).replace("\n", " ")
        raise PrepError(f"{path} is not a YAML file that can be read ({reason}): correct it.") from error
    return content if isinstance(content, dict) else {}


def _names(value: object, path: Path) -> dict[int, str]:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return dict(enumerate(value))
    if isinstance(value, dict) and all(isinstance(name, str) for name in value.values()):
        try:
            return {int(index): name for index, name in value.items()}
        except (TypeError, ValueError):
            pass
    if value in (None, ""):
        return {}
    raise PrepError(f"{path} has `names` that are neither a list of names nor a map from index to name: correct it.")


def _names_beside(root: Path) -> dict[int, str]:
    path = next((root / name for name in _NAME_FILES if (root / name).is_file()), None)
    if path is None:
        return {}
    return dict(enumerate(path.read_text(encoding="utf-8-sig", errors="replace").split("\n")))


def _asked_names(classes: Sequence[str] | None, where: Path, count: object) -> dict[int, str]:
    """Class names by the order of --classes: only if the person gave it, for a wrong order teaches the wrong thing."""
    if classes is None:
        raise UsageError(
            f"{where} does not say what its classes are called: name them in their order, such as --classes wall,room."
        )
    if count is not None and str(count) != str(len(classes)):
        raise UsageError(
            f"{where} has nc: {count}, but --classes names {len(classes)}: name all of them in their order."
        )
    return dict(enumerate(classes))


def _images_in_yaml(path: Path, content: Mapping[str, Any], found: FindingLog) -> dict[Path, str | None]:
    images: dict[Path, str | None] = {}
    given = [(key, split) for key, split in _SPLIT_NAMES.items() if content.get(key) not in (None, "", [])]
    for key, split in given:
        entries = content[key] if isinstance(content[key], list) else [content[key]]
        for entry in entries:
            place = _resolve(str(entry), path.parent, str(content.get("path") or ""))
            if place is None:
                found.warning(
                    "SPLIT_FOLDER_ABSENT",
                    f"{path.name} names {entry} for {key}, and there is no such path below {path.parent}.",
                    f"Correct {path.name}, or leave it if that split is meant to be absent.",
                    file=path.name,
                )
                continue
            for image in _images_below(place) if place.is_dir() else _images_in_list(place, path.parent, found):
                if images.setdefault(image, split) != split:
                    found.warning(
                        "IMAGE_IN_TWO_SPLITS",
                        f"{path.name} puts {image.name} into {images[image]} and into {split}; the former counts.",
                        "List every picture in one split only.",
                        file=os.path.relpath(image, path.parent),
                    )
    return images


def _resolve(entry: str, folder: Path, stale_root: str) -> Path | None:
    """The file or folder that data.yaml means: `path:` is often another machine's, and `../train/images` one up."""
    entry = entry.replace("\\", "/")
    parts = [part for part in entry.split("/") if part not in ("", ".", "..")]
    candidates = [folder / stale_root / entry, folder / entry]
    candidates += [folder.joinpath(*parts[start:]) for start in range(len(parts))]
    # normpath, so that one picture has one path however it is reached
    return next((Path(os.path.normpath(path)) for path in candidates if path.exists()), None)


def _images_in_list(path: Path, folder: Path, found: FindingLog) -> Iterator[Path]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise PrepError(f"{path} is not a text file ({error}): it should name one picture a line.") from error
    for line in filter(None, map(str.strip, lines)):
        image = _resolve(line, path.parent, "") or _resolve(line, folder, "")
        if image is None:
            found.error(
                "IMAGE_MISSING",
                f"{path.name} lists {line}, and there is no such picture.",
                f"Add the picture, or take it out of {path.name}.",
                file=path.name,
            )
        else:
            yield image


def _images_below(folder: Path) -> Iterator[Path]:
    for directory, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith("."):
                yield Path(directory, name)


def _split_in_path(relative: Path) -> str | None:
    return next((_SPLIT_NAMES[part.lower()] for part in relative.parts[:-1] if part.lower() in _SPLIT_NAMES), None)
