"""Writes a data set: images, annotations, and the manifest last of all.

While manifest.json is missing, the folder does not count as a data set.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from dataset_contract.coco import Annotation, Category, CocoDataset, Image, coco_to_bytes
from dataset_contract.coco_types import NO_ATTRIBUTES
from dataset_contract.file_facts import FileFacts, facts_of
from dataset_contract.findings import Finding, FindingLog
from dataset_contract.layout import MANIFEST, SPLITS, annotations_path, image_file_name, image_path
from dataset_contract.manifest import FileEntry, Manifest, build_manifest, manifest_to_bytes
from dataset_contract.strict_json import garbage_collection_paused
from dataset_prep.broken_images import report_broken
from dataset_prep.dataset_png import dataset_png
from dataset_prep.output import Output
from dataset_prep.progress import Advance, no_progress
from dataset_prep.rounding import rounded
from dataset_prep.selection import Selection
from dataset_prep.sources.source import SourceImage
from image_reader.header import ImageError

_PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"

_AT_ONCE = 8  # images handed to a thread; few enough to stop soon on Ctrl-C


@dataclass(frozen=True)
class Written:
    """What was written; the manifest is None if an image was refused, so that there is no data set."""

    manifest: Manifest | None
    findings: Sequence[Finding]
    """Images that were refused or converted."""
    facts: Mapping[str, FileFacts]
    """path -> facts of the images, as the check reads them of files."""
    annotations: Mapping[str, CocoDataset]
    """SHA-256 of an annotation file -> what it was written from."""


def write_dataset(
    output: Output,
    selection: Selection,
    *,
    source: Mapping[str, Any],
    options: Mapping[str, Any],
    workers: int,
    advance: Advance = no_progress,
) -> Written:
    """Write the data set of `selection` to `output`, which is open; `source` and `options` say in the manifest how it
    came about.

    The same arguments give the same bytes. Files of an earlier data set that do not belong to this one are removed.
    """
    found = FindingLog()
    conversions: Counter[str] = Counter()
    entries: list[FileEntry] = []
    facts: dict[str, FileFacts] = {}
    annotations: dict[str, CocoDataset] = {}

    def write_image(image: SourceImage) -> tuple[SourceImage, FileEntry | ImageError | OSError, str | None]:
        path = image_path(selection.splits[image.image_id], image.image_id)
        try:
            data, conversion = dataset_png(image.path)
        except (ImageError, OSError) as error:
            return image, error, None
        facts[path] = image_facts = facts_of(data)
        assert image_facts.sha256 is not None, "it is that of the whole content"
        entry = output.put(path, data, image_facts.sha256)
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
            contents = {split: coco_to_bytes(dataset) for split, dataset in datasets.items()}
        for image, entry, conversion in chain.from_iterable(written):
            if not isinstance(entry, FileEntry):
                report_broken(image, entry, found)
                continue
            entries.append(entry)
            conversions.update([conversion] if conversion else [])
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C, do not finish what waits
    for split, data in contents.items():
        entries.append(output.put(annotations_path(split), data, hashlib.sha256(data).hexdigest()))
        annotations[entries[-1].sha256] = datasets[split]
    output.remove_stale()
    findings = [*found.findings(), *_describe_conversions(conversions)]
    if found.findings():
        return Written(None, findings, facts, annotations)
    manifest = build_manifest(tool=_tool(), source=source, options=options, datasets=datasets, files=entries)
    content = manifest_to_bytes(manifest)
    output.put(MANIFEST, content, hashlib.sha256(content).hexdigest())
    return Written(manifest, findings, facts, annotations)


def _describe_conversions(conversions: Mapping[str, int]) -> list[Finding]:
    found = FindingLog()
    for reason, count in sorted(conversions.items()):
        found.info(
            "IMAGE_CONVERTED",
            f"{count:,} of the images had {reason}: converted to 8-bit PNGs in RGB or grey.",
            "Nothing, if they look right in the report.",
        )
    return found.findings()


def _tool() -> str:
    """This project and its version. importlib.metadata would take as long as a thirtieth of a thousand images."""
    found = re.search(r'^version = "(.+)"$', _PYPROJECT.read_text(), re.MULTILINE)
    assert found is not None, "pyproject.toml has a version"
    return f"floorplan-dino {found[1]}"


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
            area = rounded(width * height) if width > 0 and height > 0 else 0.0  # else its box is the finding
            fields = (number, image.image_id, ids[label], bbox, area, iscrowd, attributes)
            annotations.append(tuple.__new__(Annotation, fields))  # Annotation(...) is a call in Python
    return {split: CocoDataset(records, annotations, categories) for split, (records, annotations) in kept.items()}
