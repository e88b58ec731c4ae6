"""The class names of a YOLO data set by index: from data.yaml, from lists of names, or as the person gives them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_contract.class_names import class_name
from dataset_contract.findings import FindingLog
from dataset_contract.sanitise import sanitise, short
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.sources.source_files import SourceFolders
from dataset_prep.sources.yolo_labels import MAX_CLASSES

_INDEX = re.compile("[0-9]{1,4}")
_NAME_FILES = frozenset({"classes.txt", "_darknet.labels"})


def names_in_yaml(content: Mapping[str, Any], path: Path, found: FindingLog) -> dict[int, str]:
    """The names in data.yaml, empty if it has none. Raises PrepError if it is unsure which index has which name."""
    value = content.get("names")
    if value in (None, "", [], {}):
        return {}
    named: dict[int, str] | None = None
    if isinstance(value, list) and all(isinstance(entry, dict) and len(entry) == 1 for entry in value):
        value = {index: name for entry in value for index, name in entry.items()}  # "- 0: wall", "- 1: room"
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


def name_files(folder: Path) -> list[Path]:
    """The lists of class names in a folder: classes.txt of labelImg and Label Studio, and those of Darknet's kin."""
    names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208  a Path takes longer, for each of thousands
    lists = [
        folder / name
        for name in sorted(names)
        if name.lower() in _NAME_FILES or (name.lower().endswith(".names") and not name.startswith("."))
    ]
    return [path for path in lists if path.is_file()]


def names_in_list(path: Path, folders: SourceFolders) -> dict[int, str]:
    """The names in a list, one a line. Raises PrepError if it cannot be read."""
    lines = folders.read_text(path).replace("\r", "").split("\n")
    if len(lines) > MAX_CLASSES:
        raise PrepError(f"{path} has {len(lines):,} lines, and a class's index is below {MAX_CLASSES:,}: correct it.")
    return {index: sanitise(name) for index, name in enumerate(lines) if name.strip()}


def agreed_names(named: Iterable[tuple[str, Mapping[int, str]]]) -> tuple[dict[int, str], str]:
    """The names by index of all files, each given by its path, and the first file that has one.

    Raises PrepError if two files give one index to different classes.
    """
    names: dict[int, tuple[str, str]] = {}
    for file, listed in named:
        for index, name in listed.items():
            other, first = names.setdefault(index, (name, file))
            if class_name(other) != class_name(name):
                raise PrepError(
                    f"{sanitise(first)} calls the class {index} {short(other)}, but {sanitise(file)} calls it "
                    f"{short(name)}: correct or remove the wrong file, for it would teach the wrong class."
                )
    return {index: name for index, (name, _) in names.items()}, next((file for _, file in names.values()), "data.yaml")


def check_asked(classes: Sequence[str] | None, names: Mapping[int, str], file: str) -> None:
    """Raise UsageError if --classes names what the names in `file` do not have."""
    known = set(map(class_name, names.values()))
    unknown = [name for name in classes or () if class_name(name) not in known]
    if unknown and len(unknown) < len(classes or ()):  # of none at all, the selection says so
        raise UsageError(
            f"--classes {short(unknown[0])}: the source has no class of that name; {sanitise(file)} names "
            f"{sanitise(', '.join(names.values()))}."
        )


def asked_names(classes: Sequence[str] | None, where: Path, count: object) -> dict[int, str]:
    """Class names by the order of --classes: only if the person gave it, for a wrong order teaches the wrong thing."""
    if classes is None:
        raise UsageError(
            f"{where} does not say what its classes are called: add its data.yaml or classes.txt (there or one folder "
            "down; from further down, give their folder with --source), or name them with --classes in the order of "
            "their numbers, which the tool that wrote the labels knows."
        )
    if count is not None and str(count) != str(len(classes)):
        shown = sanitise(count, longest=20)
        raise UsageError(
            f"{where} has nc: {shown}, but --classes names {len(classes)}: name all of them in their order."
        )
    return dict(enumerate(classes))
