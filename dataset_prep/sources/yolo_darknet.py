"""Darknet's obj.data, also that of CVAT's export "YOLO 1.1": where a data set's lists of images and names are."""

from __future__ import annotations

from pathlib import Path

from dataset_prep.sources.source_files import SourceFolders

_LONGEST = 1 << 16


def find_darknet(folder: Path) -> Path | None:
    """The file in `folder` that is called obj.data, or else the first that ends in .data."""
    files = sorted(path for path in folder.glob("*.data") if path.is_file())
    return next((path for path in files if path.name == "obj.data"), files[0] if files else None)


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
