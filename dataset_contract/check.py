"""The check of a whole data set in a folder or in S3: used by preparation, validation Lambda and trainer.

check_dataset() does all of it. Its parts can run in different processes where there are very many images:
images_to_read() names the images, read_image_facts() (file_facts.py) reads any share of them, with facts that survive
JSON, and check_content() and check_images() say what is wrong, given the facts of all shares together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from dataset_contract.annotation_checks import check_annotations
from dataset_contract.coco import CocoDataset, parse_coco
from dataset_contract.file_facts import FileFacts, read_image_facts
from dataset_contract.findings import Finding, FindingLog, Report, Severity
from dataset_contract.image_checks import check_file_names, check_image_files
from dataset_contract.layout import MANIFEST, SPLITS, annotations_path
from dataset_contract.leakage import check_leakage
from dataset_contract.manifest import Manifest, count_split, parse_manifest
from dataset_contract.manifest_checks import (
    check_counts,
    check_hashes,
    check_presence,
    check_references,
    check_shares,
)
from dataset_contract.split_checks import check_splits
from dataset_contract.stores import DatasetStore, UnreadableFileError
from dataset_contract.strict_json import json_size

MAX_JSON_BYTES = 180_000_000
"""Of manifest.json and annotations.json of all splits together."""
MAX_JSON_SIZE = 18_000_000
"""Of the same files, by json_size(). Within both limits Validate's 1,769 MB hold whatever is in the files. COCO
train2017 with an attribute on each of its 860,001 boxes has 159,000,000 bytes and a size of 16,000,000."""


@dataclass(frozen=True, kw_only=True)
class DatasetContent:
    """What a data set says of itself: its manifest and annotations, checked; no byte of an image was read for it."""

    findings: Sequence[Finding]
    counts: Mapping[str, Any]
    """As Report.counts."""
    manifest: Manifest | None
    """None if there is none that can be relied upon; then nothing else is known."""
    splits: Mapping[str, CocoDataset]
    """split -> its data; a split that could not be read is absent."""
    facts: Mapping[str, FileFacts]
    """path -> facts of the annotation files, which were read whole."""
    images: Mapping[str, int]
    """path -> bytes of the files that images_to_read() names."""


def check_dataset(store: DatasetStore, *, max_objects_per_image: int | None = None) -> Report:
    """Check everything that can be checked without decoding images.

    Args:
        store: where the data set is stored.
        max_objects_per_image: the model's number of queries, if known: an image with more objects is a warning.

    Returns:
        The report; its verdict is "invalid" if training must not start. Nothing in the data set causes an
        exception; only the store's own failures (no permission for the bucket, no network) do.
    """
    content = check_content(store, max_objects_per_image=max_objects_per_image)
    findings = check_images(content, read_image_facts(store, content.images))
    return Report.of([*content.findings, *findings], content.counts)


def check_content(
    store: DatasetStore,
    *,
    max_objects_per_image: int | None = None,
    written: Mapping[str, CocoDataset] = MappingProxyType({}),
) -> DatasetContent:
    """The part of check_dataset() that reads no image: files, manifest, annotations, splits. Arguments as there.

    `written` are annotation files by their SHA-256, for whoever has just written them by coco_to_bytes: a file with
    that hash holds that data, and is not parsed.
    """
    sizes = store.list()
    reader = _JsonReader(store, sizes)
    manifest, findings = _read_files(store, reader)
    if manifest is None:
        return DatasetContent(findings=findings, counts={}, manifest=None, splits={}, facts={}, images={})
    datasets, facts, problems = _read_splits(reader, written)
    findings += problems
    unsound = {finding.split for finding in problems if finding.severity is Severity.ERROR}
    findings += check_counts(manifest, {split: data for split, data in datasets.items() if split not in unsound})
    findings += check_shares(manifest, datasets)
    findings += check_splits(datasets)
    for split, dataset in datasets.items():
        file = annotations_path(split)
        findings += check_annotations(dataset, split=split, file=file, max_objects_per_image=max_objects_per_image)
        findings += check_file_names(dataset, split=split, file=file)
    listed = _listed(manifest, sizes)
    return DatasetContent(
        findings=findings,
        counts={**count_splits(datasets), "files": len(listed), "bytes": sum(listed.values())},
        manifest=manifest,
        splits=datasets,
        facts=facts,
        images=images_to_read(manifest, sizes),
    )


def check_files(store: DatasetStore) -> tuple[Manifest | None, Sequence[Finding]]:
    """The part of check_content() that reads the manifest only: whether all that it lists is there, in its size.

    None if there is no manifest that can be relied upon.
    """
    return _read_files(store, _JsonReader(store, store.list()))


def images_to_read(manifest: Manifest, sizes: Mapping[str, int]) -> dict[str, int]:
    """path -> bytes of the files whose facts check_images() needs: all that are listed and there, but annotations.

    Args:
        manifest: as parse_manifest returned it.
        sizes: path -> bytes of what is there (DatasetStore.list).
    """
    annotations = set(map(annotations_path, SPLITS))
    return {path: size for path, size in _listed(manifest, sizes).items() if path not in annotations}


def check_images(content: DatasetContent, facts: Mapping[str, FileFacts]) -> list[Finding]:
    """The part of check_dataset() that looks at images: hashes, headers, references, leakage.

    Args:
        content: as check_content returned it.
        facts: path -> facts of all of `content.images`; one that is missing is an error finding.
    """
    if content.manifest is None:
        return []
    findings = check_hashes(content.manifest, {**content.facts, **facts}, expected=content.images)
    image_paths = {
        split: {image.id: f"{split}/{image.file_name}" for image in dataset.images}
        for split, dataset in content.splits.items()
    }
    findings += check_references(content.manifest, image_paths)
    for split, dataset in content.splits.items():
        findings += check_image_files(dataset, facts, split=split, file=annotations_path(split))
    return findings + check_leakage(content.manifest, image_paths)


class _JsonReader:
    """Reads the JSON files of a data set, as long as they are together within the limits."""

    def __init__(self, store: DatasetStore, sizes: Mapping[str, int]) -> None:
        self.sizes = sizes
        self._store = store
        self._bytes = self._size = 0

    def read(self, path: str, split: str | None) -> tuple[bytes | None, list[Finding]]:
        """The bytes of a file, unless it is unreadable or would be too large to parse."""
        found = FindingLog(split=split, file=path)
        total = self._bytes + self.sizes[path]
        if total > MAX_JSON_BYTES:
            self._refuse(path, f"{total:,} bytes, more than the {MAX_JSON_BYTES:,}", found)
            return None, found.findings()
        try:
            data = self._store.read(path)
        except UnreadableFileError as error:
            found.error(
                "FILE_UNREADABLE", f"{path} cannot be read ({error}).", "Make the file readable, or write it again."
            )
            return None, found.findings()
        size = self._size + json_size(data)
        if size > MAX_JSON_SIZE:
            self._refuse(path, f"about {size:,} values, more than the {MAX_JSON_SIZE:,}", found)
            return None, found.findings()
        self._bytes, self._size = total, size
        return data, []

    def _refuse(self, path: str, excess: str, found: FindingLog) -> None:
        found.error(
            "JSON_TOO_LARGE",
            f"{path} and the JSON files before it have {excess} that a data set may have.",
            "Make data sets of fewer images or boxes, and leave out what training does not need, such as polygons.",
        )


def _listed(manifest: Manifest, sizes: Mapping[str, int]) -> dict[str, int]:
    return {entry.path: sizes[entry.path] for entry in manifest.files if entry.path in sizes}


def _read_files(store: DatasetStore, reader: _JsonReader) -> tuple[Manifest | None, list[Finding]]:
    manifest, findings = _read_manifest(store, reader)
    if manifest is not None:
        findings += check_presence(manifest, reader.sizes, store.refused())
    return manifest, findings


def _read_manifest(store: DatasetStore, reader: _JsonReader) -> tuple[Manifest | None, list[Finding]]:
    if MANIFEST not in reader.sizes:
        found = FindingLog(file=MANIFEST)
        found.error(
            "MANIFEST_MISSING",
            f"There is no {MANIFEST} at {store.location}: the upload has not finished, or nothing was uploaded.",
            "Run dataset_prep/run.py with the same options again; it continues where it stopped.",
        )
        return None, found.findings()
    data, findings = reader.read(MANIFEST, None)
    if data is None:
        return None, findings
    return parse_manifest(data)


def _read_splits(
    reader: _JsonReader, written: Mapping[str, CocoDataset]
) -> tuple[dict[str, CocoDataset], dict[str, FileFacts], list[Finding]]:
    """The data by split and the facts of their files, as far as they can be read, and what is wrong with them."""
    datasets: dict[str, CocoDataset] = {}
    facts: dict[str, FileFacts] = {}
    findings: list[Finding] = []
    for split in SPLITS:
        path = annotations_path(split)
        if path not in reader.sizes:
            continue
        data, problems = reader.read(path, split)
        findings += problems
        if data is None:
            continue
        sha256 = hashlib.sha256(data).hexdigest()
        facts[path] = FileFacts(sha256=sha256)
        dataset = written.get(sha256)
        if dataset is None:
            dataset, problems = parse_coco(data, file=path, split=split)
            findings += problems
        if dataset is not None:
            datasets[split] = dataset
    return datasets, facts, findings


def count_splits(datasets: Mapping[str, CocoDataset]) -> dict[str, Any]:
    """The counts of a Report, but for files and bytes."""
    splits: dict[str, Any] = {}
    for split, dataset in datasets.items():
        with_objects = len({annotation.image_id for annotation in dataset.annotations})
        splits[split] = asdict(count_split(dataset)) | {"background_images": len(dataset.images) - with_objects}
    return {
        "images": sum(split["images"] for split in splits.values()),
        "annotations": sum(split["annotations"] for split in splits.values()),
        "splits": splits,
    }
