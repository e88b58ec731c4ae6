"""The check of a whole data set in a folder or in S3: used by preparation, validation Lambda and trainer.

check_dataset() does all of it. Its parts can run in different processes where there are very many images:
images_to_read() names the images, read_image_facts() (file_facts.py) reads any share of them, with facts that survive
JSON, and check_content() and check_images() say what is wrong, given the facts of all shares together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
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
from dataset_contract.stores import DatasetStore
from dataset_contract.strict_json import is_too_large


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


def check_content(store: DatasetStore, *, max_objects_per_image: int | None = None) -> DatasetContent:
    """The part of check_dataset() that reads no image: files, manifest, annotations, splits. Arguments as there."""
    sizes = store.list()
    manifest, findings = _read_manifest(store, sizes)
    if manifest is None:
        return DatasetContent(findings=findings, counts={}, manifest=None, splits={}, facts={}, images={})
    findings += check_presence(manifest, sizes, store.refused())
    datasets, facts, problems = _read_splits(store, sizes)
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


def _listed(manifest: Manifest, sizes: Mapping[str, int]) -> dict[str, int]:
    return {entry.path: sizes[entry.path] for entry in manifest.files if entry.path in sizes}


def _read_manifest(store: DatasetStore, sizes: Mapping[str, int]) -> tuple[Manifest | None, list[Finding]]:
    if MANIFEST not in sizes:
        found = FindingLog(file=MANIFEST)
        found.error(
            "MANIFEST_MISSING",
            f"There is no {MANIFEST} at {store.location}: the upload has not finished, or nothing was uploaded.",
            "Run dataset_prep/run.py with the same options again; it continues where it stopped.",
        )
        return None, found.findings()
    data, findings = _read_json(store, MANIFEST, sizes[MANIFEST], None)
    if data is None:
        return None, findings
    return parse_manifest(data)


def _read_splits(
    store: DatasetStore, sizes: Mapping[str, int]
) -> tuple[dict[str, CocoDataset], dict[str, FileFacts], list[Finding]]:
    """The data by split and the facts of their files, as far as they can be read, and what is wrong with them."""
    datasets: dict[str, CocoDataset] = {}
    facts: dict[str, FileFacts] = {}
    findings: list[Finding] = []
    for split in SPLITS:
        path = annotations_path(split)
        if path not in sizes:
            continue
        data, problems = _read_json(store, path, sizes[path], split)
        findings += problems
        if data is None:
            continue
        facts[path] = FileFacts(sha256=hashlib.sha256(data).hexdigest())
        dataset, problems = parse_coco(data, file=path, split=split)
        findings += problems
        if dataset is not None:
            datasets[split] = dataset
    return datasets, facts, findings


def _read_json(store: DatasetStore, path: str, size: int, split: str | None) -> tuple[bytes | None, list[Finding]]:
    """The bytes of a JSON file, unless it is too large to be read or unreadable."""
    found = FindingLog(split=split, file=path)
    if is_too_large(size, path, found):
        return None, found.findings()
    try:
        return store.read(path), []
    except OSError as error:
        reason = error.strerror or error
        found.error(
            "FILE_UNREADABLE", f"{path} cannot be read ({reason}).", "Make the file readable, or write it again."
        )
        return None, found.findings()


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
