"""Which files of a source are its COCO files, and which split each belongs to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from dataset_contract.sanitise import sanitise
from dataset_prep.errors import UsageError
from dataset_prep.sources.other_formats import other_format_of
from dataset_prep.sources.source_files import (
    LEADS_OUT,
    SourceFolders,
    decode_head,
    decode_text,
    files_in,
    folders_in,
    several_data_sets,
)

_SPLIT_WORDS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_SECTION = re.compile(r'"(?:images|annotations)"\s*:\s*\[')
_HEAD = 4096  # enough of a file to see whether it can be COCO
_LARGE = 1 << 20  # no other JSON file beside a data set is as large
_COCO_NAME = re.compile("annotations|coco|instances|train|val|test")
_INSTANCES = "instances_"
_OF_OTHER_TASKS = re.compile("(?:captions|person_keypoints|stuff|panoptic|image_info)_")


def find_annotations(source: Path, *, any_json: bool = False) -> list[Path]:
    """The COCO files at `source`: the file itself, or those JSON files in the folder (and `annotations/`, and a folder
    for each split) that have COCO's sections, or all with `any_json`; if there are none, those of one folder below it.

    Beside COCO's own instances_*.json, its captions_*.json and the like are of other tasks, and left out.

    Raises UsageError if one leads out of the source, or several folders below it have COCO files.
    """
    if source.is_file():
        return [source] if source.suffix.lower() == ".json" else []
    found = _files_in(source, any_json=any_json)
    if not found:
        splits = {source / word for word in _SPLIT_WORDS}
        below = [files for folder in folders_in(source) if folder not in splits and (files := _files_in(folder))]
        if len(below) > 1:
            raise several_data_sets(source, [files[0] for files in below])
        found = list(chain.from_iterable(below))
    folders = SourceFolders([source])
    for path in found:
        if not folders.hold(path):
            raise UsageError(f"{sanitise(path)} {LEADS_OUT}: name it with --annotations if it belongs to the data set.")
    return found


def _files_in(folder: Path, *, any_json: bool = False) -> list[Path]:
    places = [folder, folder / "annotations", *(folder / word for word in _SPLIT_WORDS)]
    files = [path for place in places if place.is_dir() for path in files_in(place, ".json")]
    found = [path for path in files if path.name != "manifest.json" and (any_json or _looks_like_coco(path))]
    return list(_for_boxes(found))


def _for_boxes(files: Iterable[Path]) -> Iterable[Path]:
    files = list(files)
    with_instances = {path.parent for path in files if path.name.startswith(_INSTANCES)}
    return (path for path in files if path.parent not in with_instances or not _OF_OTHER_TASKS.match(path.name))


def _looks_like_coco(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if _SECTION.search(decode_head(head)):  # as some others have, too
        return other_format_of(path, head) is None
    if path.stat().st_size >= _LARGE:  # its categories come first
        return '"categories"' in decode_head(head)
    try:  # a long `info` may come before the sections
        content = json.loads(decode_text(path.read_bytes()))
    except (ValueError, RecursionError):  # broken: if it is called like a COCO file, reading it says how
        return _COCO_NAME.search(path.name.lower()) is not None
    return isinstance(content, dict) and isinstance(content.get("images"), list)


def split_in(*names: str) -> str | None:
    """The split that the first of `names` with such a word means: instances_val2017, valid."""
    for name in names:
        words = [_SPLIT_WORDS[word] for word in re.split(r"[^a-z]+", name.lower()) if word in _SPLIT_WORDS]
        if words:
            return words[0]
    return None


def split_of(path: Path) -> str | None:
    """The split that a COCO file's name, or else its folder's, names."""
    return split_in(path.stem, path.parent.name)


def subset_of(path: Path) -> str:
    """What a COCO file calls its subset: `default` of CVAT's instances_default.json."""
    return path.stem.removeprefix(_INSTANCES)
