"""Writes the data set's folder: images, annotations, and the manifest last of all.

May be stopped at any moment, by kill -9 too, and run again: every file appears whole or not at all, an image that is
there already is not written again, and while manifest.json is missing the folder does not count as a data set.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

from dataset_contract.atomic_write import write_atomically
from dataset_contract.coco import Annotation, Category, CocoDataset, Image, coco_to_bytes
from dataset_contract.coco_types import NO_ATTRIBUTES
from dataset_contract.file_facts import FileFacts, facts_of
from dataset_contract.findings import Finding, FindingLog
from dataset_contract.layout import MANIFEST, SPLITS, annotations_path, image_file_name, image_path
from dataset_contract.manifest import FileEntry, Manifest, build_manifest, manifest_to_bytes
from dataset_contract.strict_json import garbage_collection_paused
from dataset_prep.broken_images import report_broken
from dataset_prep.dataset_png import dataset_png
from dataset_prep.errors import UsageError
from dataset_prep.progress import Advance, no_progress
from dataset_prep.selection import Selection
from dataset_prep.sources.source import SourceImage
from image_reader.header import ImageError

TOOL = f"floorplan-dino {version('floorplan-dino')}"

_AT_ONCE = 8  # images handed to a thread; few enough to stop soon on Ctrl-C
_OURS = re.compile(
    rf"{re.escape(MANIFEST)}|(?:{'|'.join(SPLITS)})/(?:annotations\.json|images/\d{{6,}}\.png)|(?:.*/)?\.[^/]+\.tmp"
)


@dataclass(frozen=True)
class Written:
    """What was written; the manifest is None if an image was refused, so that there is no data set."""

    manifest: Manifest | None
    findings: Sequence[Finding]
    """Images that were refused or converted."""
    facts: Mapping[str, FileFacts]
    """path -> facts of the images, as the check reads them of files."""


NOT_WRITTEN = Written(None, (), {})
"""Of a dry run."""


def write_dataset(
    root: Path,
    selection: Selection,
    *,
    source: Mapping[str, Any],
    options: Mapping[str, Any],
    workers: int,
    advance: Advance = no_progress,
) -> Written:
    """Write the data set of `selection` to `root`; `source` and `options` say in the manifest how it came about.

    The same arguments give the same bytes. Files of an earlier data set that do not belong to this one are removed.

    Raises UsageError if `root` holds anything but a data set.
    """
    stale = _prepare_folder(root)
    found = FindingLog()
    conversions: Counter[str] = Counter()
    entries: list[FileEntry] = []
    facts: dict[str, FileFacts] = {}

    def write_image(image: SourceImage) -> tuple[SourceImage, FileEntry | ImageError | OSError, str | None]:
        path = image_path(selection.splits[image.image_id], image.image_id)
        try:
            data, conversion = dataset_png(image.path)
        except (ImageError, OSError) as error:
            return image, error, None
        facts[path] = image_facts = facts_of(data)
        assert image_facts.sha256 is not None, "it is that of the whole content"
        entry = _write(root, path, data, image_facts.sha256)
        advance(1, entry.size)
        return image, entry, conversion

    def write_images(start: int) -> list[tuple[SourceImage, FileEntry | ImageError | OSError, str | None]]:
        return list(map(write_image, selection.images[start : start + _AT_ONCE]))

    threads = min(workers, os.cpu_count() or 1)  # more would mostly wait for the interpreter's lock
    pool = ThreadPoolExecutor(threads)
    try:
        written = pool.map(write_images, range(0, len(selection.images), _AT_ONCE))
        with garbage_collection_paused():
            datasets = to_coco(selection)
            contents = {annotations_path(split): coco_to_bytes(dataset) for split, dataset in datasets.items()}
        for image, entry, conversion in chain.from_iterable(written):
            if not isinstance(entry, FileEntry):
                report_broken(image, entry, found)
                continue
            entries.append(entry)
            conversions.update([conversion] if conversion else [])
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C, do not finish what waits
    entries += [_write(root, path, data, hashlib.sha256(data).hexdigest()) for path, data in contents.items()]
    for path in sorted(stale - {entry.path for entry in entries}):
        (root / path).unlink(missing_ok=True)  # a temporary file may have been used again
    findings = [*found.findings(), *_describe_conversions(conversions)]
    if found.findings():
        return Written(None, findings, facts)
    manifest = build_manifest(tool=TOOL, source=source, options=options, datasets=datasets, files=entries)
    content = manifest_to_bytes(manifest)
    _write(root, MANIFEST, content, hashlib.sha256(content).hexdigest())
    return Written(manifest, findings, facts)


def withdraw_dataset(root: Path) -> None:
    """Take the manifest away, so that nothing, not even `aws s3 sync`, passes the folder off as a valid data set."""
    (root / MANIFEST).unlink(missing_ok=True)


def _describe_conversions(conversions: Mapping[str, int]) -> list[Finding]:
    found = FindingLog()
    for reason, count in sorted(conversions.items()):
        found.info(
            "IMAGE_CONVERTED",
            f"{count:,} of the images had {reason}: converted to 8-bit PNGs in RGB or grey.",
            "Nothing, if they look right in the report.",
        )
    return found.findings()


def to_coco(selection: Selection) -> dict[str, CocoDataset]:
    """split -> its COCO data; annotation ids count from 1 over all images in the order of their ids."""
    categories = [Category(index, name) for index, name in enumerate(selection.classes, start=1)]
    ids = {category.name: category.id for category in categories}
    kept: dict[str, tuple[list[Image], list[Annotation]]] = {split: ([], []) for split in SPLITS}
    number = 0
    for image in sorted(selection.images, key=lambda image: image.image_id):
        records, annotations = kept[selection.splits[image.image_id]]
        file_name = image_file_name(image.image_id)
        records.append(Image(image.image_id, file_name, image.width, image.height, image.folder))
        for label, bbox, room_type, iscrowd in image.boxes:
            number += 1
            attributes = {"room_type": room_type} if room_type else NO_ATTRIBUTES
            width, height = bbox[2:]
            area = round(width * height, 3) if width > 0 and height > 0 else 0.0  # else its box is the finding
            fields = (number, image.image_id, ids[label], bbox, area, iscrowd, attributes)
            annotations.append(tuple.__new__(Annotation, fields))  # Annotation(...) is a call in Python
    return {split: CocoDataset(records, annotations, categories) for split, (records, annotations) in kept.items()}


def _prepare_folder(root: Path) -> set[str]:
    """Make the folders, take the manifest away, and return the relative paths of what an earlier run left."""
    if root.exists() and not root.is_dir():
        raise UsageError(f"{root} is a file: give a folder for --output.")
    top = {path.name for path in root.iterdir()} if root.is_dir() else set()
    foreign = sorted(name for name in top - set(SPLITS) if not _OURS.fullmatch(name))
    left: set[str] = set()
    if not foreign:  # only then: the folder may be as large as a home directory
        left = {path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir()}
        foreign = sorted(path for path in left if not _OURS.fullmatch(path))
    if foreign:
        raise UsageError(
            f"{root} holds {foreign[0]}, which does not belong to a data set: give --output a folder of its own."
        )
    for split in SPLITS:
        (root / split / "images").mkdir(parents=True, exist_ok=True)
    withdraw_dataset(root)  # until the new manifest is written
    return left - {MANIFEST}


def _write(root: Path, path: str, data: bytes, sha256: str) -> FileEntry:
    entry = FileEntry(path, len(data), sha256)
    target = root / path
    if not _is_there(target, entry):
        write_atomically(target, data)
    return entry


def _is_there(target: Path, entry: FileEntry) -> bool:
    try:
        status = target.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size != entry.size:
            return False
        with target.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256
    except OSError:
        return False
