"""Whether an image, byte for byte, is in the data set twice, or even in two splits. dataset_prep compares pixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from dataset_contract.findings import Finding, FindingLog
from dataset_contract.layout import SPLITS
from dataset_contract.manifest import Manifest

LEAK_TOLERATED = 0.05
"""Share of a split's images that may be in another with warnings only; CubiCasa5K's own splits share some."""


def check_leakage(manifest: Manifest, image_paths: Mapping[str, Mapping[int, str]]) -> list[Finding]:
    """Compare the SHA-256 of all images with each other.

    Args:
        manifest: has the hashes (that they are the files' is check_hashes' part).
        image_paths: split -> image id -> path; paths that the manifest lacks are left out.
    """
    found = FindingLog()
    by_path = {entry.path: entry.sha256 for entry in manifest.files}
    hashes = {
        split: {image_id: by_path[path] for image_id, path in paths.items() if path in by_path}
        for split, paths in image_paths.items()
    }
    places: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for split in sorted(hashes, key=SPLITS.index):
        for image_id, sha256 in hashes[split].items():
            places[sha256].append((split, image_id))
    total = sum(map(len, hashes.values()))
    if total > 1 and len(places) == 1:
        found.error(
            "ALL_IMAGES_IDENTICAL",
            f"All {total:,} images are the same, byte for byte.",
            "Check how file names were resolved: in CubiCasa5K every plan is called F1_original.png.",
        )
        return found.findings()
    leaked: dict[str, int] = defaultdict(int)
    for (split, image_id), *others in places.values():
        for other_split, other_id in others:
            if other_split == split:
                found.warning(
                    "DUPLICATE_IMAGE",
                    f"Images {image_id} and {other_id} in {split} are the same, byte for byte.",
                    "Keep one of them, the one with the better boxes.",
                    split=split,
                    image_id=other_id,
                )
            else:
                leaked[other_split] += 1
                found.warning(
                    "LEAKAGE",
                    f"Image {other_id} in {other_split} is byte for byte the same as image {image_id} in {split}.",
                    "Run dataset_prep/run.py with --fix-leakage, or remove one of them: scores on it mean little.",
                    split=other_split,
                    image_id=other_id,
                )
    for split, count in leaked.items():
        if count > LEAK_TOLERATED * len(hashes[split]):
            found.error(
                "LEAKAGE_HEAVY",
                f"{count:,} of {len(hashes[split]):,} images in {split} are in another split too: its scores are void.",
                "Run dataset_prep/run.py with --fix-leakage.",
                split=split,
            )
    return found.findings()
