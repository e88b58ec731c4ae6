"""Darknet's obj.data, also that of CVAT's export "YOLO 1.1": where a data set's lists of images and names are."""

from __future__ import annotations

import re
from pathlib import Path

from dataset_prep.sources.source_files import SourceFolders, decode_head, files_in, folders_in, several_data_sets

_LONGEST = 1 << 16
_LINE = re.compile(r"^[ \t]*(?:train|valid|names|classes)[ \t]*=", re.MULTILINE)


def find_darknet(source: Path) -> Path | None:
    """The obj.data in the folder `source`, or else the first file there that ends in .data and has such lines, or else
    that of one folder below it. Raises UsageError if several have one."""
    if (own := _data_in(source)) is not None:
        return own
    below = [path for folder in folders_in(source) if (path := _data_in(folder)) is not None]
    if len(below) > 1:
        raise several_data_sets(source, below)
    return below[0] if below else None


def _data_in(folder: Path) -> Path | None:
    files = files_in(folder, ".data")
    return next((path for path in files if path.name == "obj.data"), next(filter(_is_darknet, files), None))


def _is_darknet(path: Path) -> bool:
    with path.open("rb") as file:
        return _LINE.search(decode_head(file.read(_LONGEST))) is not None


def read_darknet(path: Path, folders: SourceFolders) -> dict[str, str]:
    """Its lines `key = value` under the keys of a data.yaml: `train`, `valid`, `test`, `nc`. Raises PrepError.

    Its `names` lead to a list, which is found where lists of names are.
    """
    lines = (line.partition("=") for line in folders.read_text(path, _LONGEST).splitlines() if "=" in line)
    content = {key.strip(): value.strip() for key, _, value in lines}
    return {
        **{key: content[key] for key in ("train", "valid", "test") if content.get(key)},
        **({"nc": content["classes"]} if "classes" in content else {}),
    }
