"""Checks the data set by the contract: the folder that was written, or in a dry run what would be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dataset_contract.annotation_checks import check_annotations
from dataset_contract.check import check_content, check_images, count_splits
from dataset_contract.file_facts import FileFacts
from dataset_contract.findings import Finding, Report
from dataset_contract.layout import annotations_path, image_path
from dataset_contract.manifest import Manifest
from dataset_contract.sanitise import sanitise
from dataset_contract.split_checks import check_splits
from dataset_contract.stores import DirectoryStore
from dataset_prep.compare import Compared, check_pairs
from dataset_prep.selection import Selection
from dataset_prep.write import to_coco


def check_selection(compared: Compared) -> Report:
    """What can be checked without files: similar images, splits, boxes."""
    selection = compared.selection
    findings = check_pairs(compared.pairs, selection.splits, {})
    datasets = to_coco(selection)
    findings += check_splits(datasets)
    for split, dataset in datasets.items():
        findings += check_annotations(dataset, split=split, file=annotations_path(split))
    return Report.of(findings, count_splits(datasets))


def check_written(root: Path, compared: Compared, manifest: Manifest, facts: Mapping[str, FileFacts]) -> Report:
    """What the contract says of the data set in `root`; `facts` are those of its images, by path.

    As check_dataset does it, but the images' bytes were looked at when they were written.
    """
    selection = compared.selection
    by_path = {entry.path: entry.sha256 for entry in manifest.files}
    file_hashes = {number: by_path[image_path(split, number)] for number, split in selection.splits.items()}
    findings = check_pairs(compared.pairs, selection.splits, file_hashes)
    content = check_content(DirectoryStore(root))
    findings += [*content.findings, *_with_sources(check_images(content, facts), selection)]
    return Report.of(findings, content.counts)


def _with_sources(findings: Sequence[Finding], selection: Selection) -> list[Finding]:
    """Findings about written images that name the source's file too, which is the one to correct."""
    sources = {image_path(selection.splits[image.image_id], image.image_id): image.path for image in selection.images}
    return [
        replace(
            finding,
            message=f"{finding.message.removesuffix('.')}; it was made from {sanitise('/'.join(path.parts[-3:]))}.",
        )
        if (path := sources.get(finding.file or "")) is not None
        else finding
        for finding in findings
    ]
