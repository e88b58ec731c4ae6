"""The class names of a YOLO data set by index: from data.yaml, from a list beside it, or as the person gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_contract.class_names import class_name
from dataset_contract.findings import FindingLog
from dataset_contract.sanitise import sanitise
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.sources.source_files import SourceFolders
from dataset_prep.sources.yolo_labels import MAX_CLASSES

_INDEX = re.compile("[0-9]{1,4}")
_NAME_FILES = ("classes.txt", "obj.names", "_darknet.labels")


def names_in_yaml(content: Mapping[str, Any], path: Path, found: FindingLog) -> dict[int, str]:
    """The names in data.yaml, empty if it has none. Raises PrepError if it is unsure which index has which name."""
    value = content.get("names")
    if value in (None, "", [], {}):
        return {}
    named: dict[int, str] | None = None
    if isinstance(value, list):
        named = dict(enumerate(value))
    elif isinstance(value, dict) and all(_INDEX.fullmatch(index) for index in value):
        named = {int(index): name for index, name in value.items()}
    if named is None or len(named) < len(value) or not all(map(_is_name, named.values())):
        raise PrepError(
            f"{path} has `names` that are neither a list of names nor a map from index to name, each once: correct it."
        )
    count = content.get("nc")
    if count is not None and str(count) not in (str(len(named)), str(max(named) + 1)):
        shown = sanitise(count, longest=20)
        raise PrepError(
            f"{path} has nc: {shown!a}, but {len(named)} names, so that it is unsure which class an index "
            "means: correct it."
        )
    _check_names(named, path.name, found)
    return {index: name for index, name in named.items() if name.strip()}


def _check_names(names: Mapping[int, str], file: str, found: FindingLog) -> None:
    """Two indices of one class: two names that mean the same, or one name given to both by mistake."""
    first: dict[str, int] = {}
    for index, name in names.items():
        other = first.setdefault(class_name(name), index)
        if other == index or not name.strip():
            continue
        message = (
            f"{file} calls the classes {other} and {index} {names[other]} and {name}: both are {class_name(name)}."
        )
        if name.strip().casefold() == names[other].strip().casefold():
            found.error("CLASS_NAME_TWICE", message, "Give every class a name of its own.", file=file)
        else:
            found.warning("CLASSES_MERGED", message, "Rename one of them if they mean different things.", file=file)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and (value.isprintable() or not value.strip())


def names_beside(root: Path, folders: SourceFolders) -> dict[int, str]:
    """The names in a list in the folder `root`, one a line, empty if there is none. Raises PrepError."""
    path = next((root / name for name in _NAME_FILES if (root / name).is_file()), None)
    if path is None:
        return {}
    lines = folders.read_text(path).replace("\r", "").split("\n")
    if len(lines) > MAX_CLASSES:
        raise PrepError(f"{path} has {len(lines):,} lines, and a class's index is below {MAX_CLASSES:,}: correct it.")
    return {index: sanitise(name) for index, name in enumerate(lines) if name.strip()}


def asked_names(classes: Sequence[str] | None, where: Path, count: object) -> dict[int, str]:
    """Class names by the order of --classes: only if the person gave it, for a wrong order teaches the wrong thing."""
    if classes is None:
        raise UsageError(
            f"{where} does not say what its classes are called: name them in their order, such as --classes wall,room."
        )
    if count is not None and str(count) != str(len(classes)):
        shown = sanitise(count, longest=20)
        raise UsageError(
            f"{where} has nc: {shown}, but --classes names {len(classes)}: name all of them in their order."
        )
    return dict(enumerate(classes))
