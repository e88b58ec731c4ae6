"""Checks the data set by the contract: what was written, or in a dry run would be, or what is left of a refused one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dataset_contract.annotation_checks import check_annotations
from dataset_contract.check import check_content, check_images, count_splits
from dataset_contract.coco_types import CocoDataset
from dataset_contract.file_facts import FileFacts
from dataset_contract.findings import Finding, Report
from dataset_contract.layout import annotations_path, image_path
from dataset_contract.manifest import Manifest
from dataset_contract.sanitise import sanitise
from dataset_contract.split_checks import check_splits
from dataset_contract.stores import DatasetStore
from dataset_prep.compare import Compared, check_pairs
from dataset_prep.selection import Selection
from dataset_prep.write import to_coco
from image_reader.header import read_header


def check_selection(compared: Compared) -> Report:
    """What can be said where an image was refused: similar images, splits, boxes."""
    selection = compared.selection
    findings = check_pairs(compared.pairs, selection.splits, {})
    datasets = to_coco(selection)
    findings += check_splits(datasets)
    for split, dataset in datasets.items():
        findings += check_annotations(dataset, split=split, file=annotations_path(split))
    return Report.of(findings, count_splits(datasets))


def check_written(
    store: DatasetStore,
    compared: Compared,
    manifest: Manifest,
    facts: Mapping[str, FileFacts],
    annotations: Mapping[str, CocoDataset],
) -> Report:
    """What the contract says of the data set in `store`; `facts` are those of its images, by path.

    As check_dataset does it, but the images' bytes were looked at when they were written, and `annotations` are what
    the annotation files were written from, by their SHA-256.
    """
    selection = compared.selection
    by_path = {entry.path: entry.sha256 for entry in manifest.files}
    file_hashes = {number: by_path[image_path(split, number)] for number, split in selection.splits.items()}
    findings = check_pairs(compared.pairs, selection.splits, file_hashes)
    content = check_content(store, written=annotations)
    findings += [*content.findings, *_with_sources(check_images(content, facts), selection)]
    return Report.of(findings, content.counts)


_TURNED = (
    "If the boxes fit the image as viewers show it, upright (Label Studio's do), swap width and height in the JSON; if "
    "they fit it before it is turned (as of LabelMe and many scripts), take the turn out of the image files, with "
    "`exiftool -Orientation=1 -n`."
)


def _with_sources(findings: Sequence[Finding], selection: Selection) -> list[Finding]:
    """Findings about written images that name the source's file too, which is the one to correct."""
    sources = {image_path(selection.splits[image.image_id], image.image_id): image.path for image in selection.images}
    return [
        _with_source(finding, path) if (path := sources.get(finding.file or "")) is not None else finding
        for finding in findings
    ]


def _with_source(finding: Finding, path: Path) -> Finding:
    name = sanitise("/".join(path.parts[-3:]))
    message = f"{finding.message.removesuffix('.')}; it was made from {name}"
    if finding.code == "IMAGE_SIZE_DIFFERS" and "swapped" in finding.message and read_header(path).turned:
        return replace(finding, message=f"{message}, which EXIF turns.", fix=_TURNED)
    return replace(finding, message=f"{message}.")
