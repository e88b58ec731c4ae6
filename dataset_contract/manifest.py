"""The manifest: which files a data set consists of, what it was made from, and the hash that names its version."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from dataset_contract.bounded_json import JsonError, check_values
from dataset_contract.class_names import class_name_problem
from dataset_contract.coco_types import CocoDataset
from dataset_contract.findings import Finding, FindingLog
from dataset_contract.layout import MANIFEST, SPLITS, comparable, path_problem
from dataset_contract.sanitise import short
from dataset_contract.strict_json import MAX_ID, parse_json

FORMAT = "floorplan-dino-dataset/1"
"""Names the manifest's format; another number means another meaning of its fields."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the data set."""

    path: str
    """Relative to the data set's root: train/images/000001.png."""
    size: int
    """Bytes."""
    sha256: str
    """64 lower-case hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """What one split holds."""

    images: int
    annotations: int
    annotations_by_class: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of manifest.json."""

    version: str
    """SHA-256 (hex) over everything else in the manifest, so over every file's hash."""
    tool: str
    """What wrote it: "floorplan-dino 0.1.0"."""
    source: Mapping[str, Any]
    """What the data set was made from; no absolute paths, so that it is the same on every machine."""
    options: Mapping[str, Any]
    """The options it was made with."""
    classes: Sequence[str]
    """Class names in the order of their category ids."""
    splits: Mapping[str, SplitCounts]
    files: Sequence[FileEntry]
    """Every file but the manifest itself, sorted by path."""

    @property
    def images(self) -> int:
        """Images over all splits."""
        return sum(split.images for split in self.splits.values())

    @property
    def annotations(self) -> int:
        """Annotations over all splits."""
        return sum(split.annotations for split in self.splits.values())

    @property
    def counts(self) -> dict[str, Any]:
        """Images and annotations, over all splits and by split, as the file has them."""
        splits = {name: asdict(split) for name, split in self.splits.items()}
        return {"images": self.images, "annotations": self.annotations, "splits": splits}


def build_manifest(
    *,
    tool: str,
    source: Mapping[str, Any],
    options: Mapping[str, Any],
    datasets: Mapping[str, CocoDataset],
    files: Iterable[FileEntry],
) -> Manifest:
    """The manifest of the data set that consists of `datasets` (by split) and `files` (all but the manifest).

    `source` and `options` hold JSON values only, no times and no absolute paths.
    """
    classes = {category.id: category.name for dataset in datasets.values() for category in dataset.categories}
    manifest = Manifest(
        version="",
        tool=tool,
        source=_canonical(source),
        options=_canonical(options),
        classes=tuple(name for _, name in sorted(classes.items())),
        splits={split: count_split(datasets[split]) for split in sorted(datasets, key=SPLITS.index)},
        files=tuple(sorted(files, key=lambda entry: entry.path)),
    )
    return replace(manifest, version=content_version(manifest))


def _canonical(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON values with their keys in one order, and tuples as the lists that they are read as."""
    canonical: dict[str, Any] = json.loads(json.dumps(values, sort_keys=True, allow_nan=False))
    return canonical


def count_split(dataset: CocoDataset) -> SplitCounts:
    """The counts of one split; classes without annotations count 0."""
    names = {category.id: category.name for category in dataset.categories}
    by_class = Counter(names[annotation.category_id] for annotation in dataset.annotations)
    return SplitCounts(
        images=len(dataset.images),
        annotations=len(dataset.annotations),
        annotations_by_class={name: by_class[name] for _, name in sorted(names.items())},
    )


def content_version(manifest: Manifest) -> str:
    """The version that the manifest's content has: SHA-256 over its canonical JSON without the version."""
    content = _content(manifest)
    del content["version"]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def manifest_to_bytes(manifest: Manifest) -> bytes:
    """manifest.json's bytes, the same on every machine: UTF-8, a final newline."""
    return (json.dumps(_content(manifest), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _content(manifest: Manifest) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "version": manifest.version,
        "tool": manifest.tool,
        "source": dict(manifest.source),
        "options": dict(manifest.options),
        "classes": list(manifest.classes),
        "counts": manifest.counts,
        "files": [{"path": entry.path, "size": entry.size, "sha256": entry.sha256} for entry in manifest.files],
    }


def parse_manifest(data: bytes, *, file: str = MANIFEST) -> tuple[Manifest | None, list[Finding]]:
    """Read a manifest, and say all that is wrong with it; None if it cannot be relied upon at all.

    In the manifest that is returned every path is acceptable (see layout.path_problem) and occurs once, also where
    case does not count. Nothing in `data` causes an exception.
    """
    value, findings = parse_json(data, file=file)
    if value is None and findings:
        return None, findings
    found = FindingLog(file=file)
    manifest = _read_manifest(value, file, found)
    if manifest is not None and (_content(manifest) != value or content_version(manifest) != manifest.version):
        found.error(
            "MANIFEST_VERSION_WRONG",
            f"The version in {file} is not that of its content: the file was edited or damaged.",
            _MAKE_AGAIN,
        )
    return manifest, findings + found.findings()


_MAKE_AGAIN = "Run dataset_prep/run.py again; do not edit the manifest."
_SHA256 = re.compile("[0-9a-f]{64}")


def _read_manifest(value: object, file: str, found: FindingLog) -> Manifest | None:
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        name = short(value.get("format")) if isinstance(value, dict) else "nothing"
        found.error(
            "MANIFEST_FORMAT",
            f"{file} has {name} as its format, not {FORMAT!r}.",
            "Make the data set with the dataset_prep/run.py of this version of floorplan-dino.",
        )
        return None
    counts = value.get("counts")
    splits = counts.get("splits") if isinstance(counts, dict) else None
    classes, source, options = value.get("classes"), value.get("source"), value.get("options")
    rules = {
        "version": _is_sha256(value.get("version")),
        "tool": isinstance(value.get("tool"), str),
        "source": isinstance(source, dict) and _is_plain(source),
        "options": isinstance(options, dict) and _is_plain(options),
        "classes": isinstance(classes, list) and bool(classes) and all(map(_is_class_name, classes)),
        "counts": isinstance(splits, dict)
        and set(splits) <= set(SPLITS)
        and all(map(_is_split_counts, splits.values())),
        "files": isinstance(value.get("files"), list),
    }
    for name, sound in rules.items():
        if not sound:
            found.error("MANIFEST_INVALID", f'{file}: the field "{name}" is missing or wrong.', _MAKE_AGAIN)
    if not all(rules.values()):
        return None
    files = _read_files(value["files"], file, found)
    if files is None:
        return None
    return Manifest(
        version=value["version"],
        tool=value["tool"],
        source=value["source"],
        options=value["options"],
        classes=tuple(value["classes"]),
        splits={name: SplitCounts(**split) for name, split in value["counts"]["splits"].items()},
        files=files,
    )


def _read_files(items: Sequence[object], file: str, found: FindingLog) -> tuple[FileEntry, ...] | None:
    entries: list[FileEntry] = []
    seen: dict[str, str] = {}
    for index, item in enumerate(items):
        if not isinstance(item, dict) or item.keys() != {"path", "size", "sha256"} or not isinstance(item["path"], str):
            found.error("MANIFEST_INVALID", f"{file}: files[{index}] lacks path, size or sha256.", _MAKE_AGAIN)
            continue
        path, size, sha256 = item["path"], item["size"], item["sha256"]
        if (problem := path_problem(path)) is not None:
            found.error("MANIFEST_PATH_REFUSED", f"{file}: the path {short(path)} {problem}.", _MAKE_AGAIN)
        elif (same := seen.setdefault(comparable(path), path)) is not path:
            found.error("MANIFEST_PATH_TWICE", f"{file} lists {short(path)}, and {short(same)} before it.", _MAKE_AGAIN)
        elif type(size) is not int or not 0 <= size <= MAX_ID or not _is_sha256(sha256):
            found.error("MANIFEST_INVALID", f"{file}: the size or sha256 of {path} is wrong.", _MAKE_AGAIN)
        else:
            entries.append(FileEntry(path, size, sha256))
    return tuple(entries) if len(entries) == len(items) else None


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _is_class_name(value: object) -> bool:
    return isinstance(value, str) and class_name_problem(value) is None


def _is_split_counts(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() != {"images", "annotations", "annotations_by_class"}:
        return False
    by_class = value["annotations_by_class"]
    if not isinstance(by_class, dict):
        return False
    counts = (value["images"], value["annotations"], *by_class.values())
    return all(type(count) is int and 0 <= count <= MAX_ID for count in counts)


def _is_plain(value: object) -> bool:
    """Whether what follows can walk it by recursion, and write its numbers."""
    try:
        check_values(value)
    except JsonError:
        return False
    return True
