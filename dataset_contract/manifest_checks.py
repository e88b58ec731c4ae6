"""Whether the data set is the one that its manifest describes: its files, their sizes and hashes, its counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from dataset_contract.coco_types import CocoDataset
from dataset_contract.file_facts import FileFacts
from dataset_contract.findings import Finding, FindingLog
from dataset_contract.layout import MANIFEST, SPLITS, annotations_path, comparable, path_problem
from dataset_contract.manifest import Manifest, count_split
from dataset_contract.sanitise import short

SHARE_TOLERATED = 0.05
"""Difference between a split's share of the images and the one asked for that is tolerated."""

_MAKE_AGAIN = "Run dataset_prep/run.py again; do not edit the data set by hand."
_UPLOAD_AGAIN = "Run dataset_prep/run.py with the same options again; it sends what is missing or differs."


def check_presence(manifest: Manifest, sizes: Mapping[str, int], refused: Mapping[str, str]) -> list[Finding]:
    """Compare the manifest with what is in the store.

    Args:
        manifest: as parse_manifest returned it.
        sizes: path -> bytes of what is there (DatasetStore.list).
        refused: path -> why not, of what is there but unusable (DatasetStore.refused).
    """
    found = FindingLog()
    listed = {entry.path for entry in manifest.files}
    by_comparable = {comparable(path): path for path in sizes if path not in listed}
    for split in SPLITS:
        if annotations_path(split) not in listed:
            found.error(
                "SPLIT_MISSING",
                f"{MANIFEST} lists no {annotations_path(split)}: the split {split} is missing.",
                "Run dataset_prep/run.py again; a split may be empty, but not absent.",
                split=split,
                file=MANIFEST,
            )
    for entry in manifest.files:
        size, twin = sizes.get(entry.path), by_comparable.get(comparable(entry.path))
        if entry.path in refused:
            continue
        if size is None:
            hint = f"; there is {short(twin)}, which differs in case only" if twin is not None else ""
            found.error("FILE_MISSING", f"{entry.path} is not there{hint}.", _UPLOAD_AGAIN, file=entry.path)
        elif size != entry.size:
            found.error(
                "FILE_SIZE_DIFFERS",
                f"{entry.path} has {size:,} bytes, but {MANIFEST} says {entry.size:,}.",
                _UPLOAD_AGAIN,
                file=entry.path,
            )
    for path, problem in refused.items():
        found.error("FILE_REFUSED", f"{short(path)} {problem}.", "Put a plain file or folder there.", file=path)
    _check_extra(sizes, listed, found)
    return found.findings()


def _check_extra(sizes: Mapping[str, int], listed: Collection[str], found: FindingLog) -> None:
    """What is there beside the listed files: a job downloads all of it, so all of it must fit on a disk together."""
    ours = {comparable(path): path for path in (*listed, MANIFEST)}
    by_comparable = {comparable(path): path for path in sizes} | ours
    folders = {folder for path in by_comparable for folder in _folders(path)}
    for path, size in sizes.items():
        is_marker = path.endswith("/") and size == 0  # of a folder, which the S3 console creates
        name = (path.removesuffix("/") or path) if is_marker else path
        if not path and not size:
            continue
        key = comparable(name)
        above = next((ours[folder] for folder in _folders(key) if folder in ours), None)
        problem = path_problem(name)
        if problem is None and above is not None:
            problem = f"is below {above}, which is a file"
        if problem is None and (key in by_comparable if is_marker else key in folders and ours.get(key) != path):
            problem = "is where there is a file" if is_marker else "is a file where others have a folder"
        if problem is not None:
            found.error(
                "FILE_PATH_REFUSED",
                f"{short(path)} {problem}: a training job cannot download it with the rest.",
                f"Remove {short(path)}.",
                file=path,
            )
            continue
        if is_marker or ours.get(key) == path:
            continue
        twin = by_comparable[key] if by_comparable[key] != path else None
        if twin is not None and twin in sizes:
            found.error(
                "FILE_CASE_COLLISION",
                f"{short(path)} differs from {twin} in case only: one overwrites the other where case does not count.",
                f"Remove {short(path)}.",
                file=path,
            )
        elif twin is None:
            found.warning(
                "FILE_EXTRA",
                f"{short(path)} is there, but not in {MANIFEST}: it is not part of the data set.",
                "Remove it, or keep it elsewhere.",
                file=path,
            )


def _folders(path: str) -> Iterator[str]:
    """The folders above `path`: of a/b/c a and a/b."""
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


def check_hashes(manifest: Manifest, facts: Mapping[str, FileFacts], *, expected: Collection[str]) -> list[Finding]:
    """Compare the hashes of the files that could be read with the manifest's.

    Args:
        manifest: as parse_manifest returned it.
        facts: path -> facts of the files that are there.
        expected: the paths whose facts must be among `facts`: a share of them can get lost between processes.
    """
    found = FindingLog()
    for entry in manifest.files:
        known = facts.get(entry.path)
        if known is None and entry.path in expected:
            found.error(
                "FILE_NOT_CHECKED",
                f"{entry.path} was not looked at: a part of the check did not finish.",
                "Check the data set again.",
                file=entry.path,
            )
        elif known is None:
            continue
        elif known.unreadable is not None:
            found.error(
                "FILE_UNREADABLE",
                f"{entry.path} {known.unreadable}.",
                "Make the file readable, or write it again.",
                file=entry.path,
            )
        elif known.sha256 is None:
            found.warning(
                "FILE_CHECKSUM_MISSING",
                f"{entry.path} has no SHA-256 in S3: its content cannot be verified.",
                "Upload it with dataset_prep/run.py --replace, which sends the checksum with each object.",
                file=entry.path,
            )
        elif known.sha256 != entry.sha256:
            found.error(
                "FILE_HASH_DIFFERS",
                f"{entry.path} is not the file that {MANIFEST} lists: its SHA-256 differs.",
                _UPLOAD_AGAIN,
                file=entry.path,
            )
    return found.findings()


def check_references(manifest: Manifest, image_paths: Mapping[str, Mapping[int, str]]) -> list[Finding]:
    """Whether the images of the JSON are the manifest's files, and the other way round.

    Args:
        manifest: as parse_manifest returned it.
        image_paths: split -> image id -> path, by the JSON; a split that could not be read is absent.
    """
    found = FindingLog()
    listed = {entry.path for entry in manifest.files}
    by_comparable = {comparable(path): path for path in listed}
    used = {annotations_path(split) for split in SPLITS}.union(*(paths.values() for paths in image_paths.values()))
    for split, paths in image_paths.items():
        for image_id, path in paths.items():
            if path not in listed:
                twin = by_comparable.get(comparable(path))
                hint = f"; it lists {twin}, which differs in case or Unicode form only" if twin is not None else ""
                found.error(
                    "IMAGE_NOT_LISTED",
                    f"{annotations_path(split)} refers to {short(path)}, which {MANIFEST} does not list{hint}.",
                    _MAKE_AGAIN,
                    split=split,
                    file=path,
                    image_id=image_id,
                )
    unread = tuple(f"{split}/" for split in SPLITS if split not in image_paths)
    for path in sorted(listed - used):
        if not path.startswith(unread):
            found.warning(
                "FILE_UNUSED",
                f"{path} is in {MANIFEST}, but no annotations.json refers to it.",
                "Run dataset_prep/run.py again, or leave the file out.",
                file=path,
            )
    return found.findings()


def check_shares(manifest: Manifest, datasets: Mapping[str, CocoDataset]) -> list[Finding]:
    """Whether the splits have the shares of the images that the manifest's option `split` names, if it names shares."""
    found = FindingLog(file=MANIFEST)
    shares = manifest.options.get("split")
    total = sum(len(dataset.images) for dataset in datasets.values())
    if not isinstance(shares, list) or len(shares) != len(SPLITS) or set(datasets) != set(SPLITS) or not total:
        return []
    for split, share in zip(SPLITS, shares, strict=True):
        images = len(datasets[split].images)
        if isinstance(share, int | float) and abs(images - share * total) > SHARE_TOLERATED * total + len(SPLITS):
            found.warning(
                "SPLIT_SHARE_DIFFERS",
                f"{split} has {images:,} of {total:,} images, {images / total:.0%}; its share was to be {share:.0%}.",
                "Check what was left out or moved after the split was drawn.",
                split=split,
            )
    return found.findings()


def check_counts(manifest: Manifest, datasets: Mapping[str, CocoDataset]) -> list[Finding]:
    """Whether the manifest's counts and classes are those of the data that could be read without an error."""
    found = FindingLog(file=MANIFEST)
    for split, dataset in datasets.items():
        counted, stated = count_split(dataset), manifest.splits.get(split)
        if stated != counted:
            numbers = f"{stated.images:,} images and {stated.annotations:,} annotations" if stated else "nothing"
            found.error(
                "MANIFEST_COUNTS_WRONG",
                f"{MANIFEST} says that {split} has {numbers}; its annotations.json has {counted.images:,} and "
                f"{counted.annotations:,}, or other counts by class.",
                _MAKE_AGAIN,
                split=split,
            )
        classes = [item.name for item in sorted(dataset.categories, key=lambda item: item.id)]
        if classes != list(manifest.classes):
            found.error(
                "CLASSES_DIFFER",
                f"{annotations_path(split)} has the classes {short(classes)}; {MANIFEST} has "
                f"{short(list(manifest.classes))}.",
                _MAKE_AGAIN,
                split=split,
            )
    return found.findings()
