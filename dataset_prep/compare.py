"""Compares images by pixels, look and plan id: which are in two splits, or twice in one; moves them if asked.

That two files are the same byte for byte is dataset_contract.leakage's part. What counts as similar: similarity.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dataset_contract.findings import Finding, FindingLog, Place
from dataset_contract.layout import SPLITS
from dataset_contract.leakage import LEAK_TOLERATED
from dataset_prep.broken_images import report_broken
from dataset_prep.progress import Advance, no_progress
from dataset_prep.selection import Selection
from dataset_prep.similarity import Fingerprint, Similarity, compare
from image_reader.header import ImageError

_FIX = "Run dataset_prep/run.py with --fix-leakage, or remove one of them: scores on it mean little."
_NAMED = 20  # image ids in the sentence about moved images


@dataclass(frozen=True, slots=True)
class Pair:
    """An image, and the one before it (train before val before test, then by id) that it is most similar to."""

    first: int
    second: int
    similarity: Similarity
    leaks: bool
    """The two are in different splits."""


@dataclass(frozen=True, slots=True)
class Move:
    """An image that another split gets."""

    image_id: int
    old: str
    new: str


@dataclass(frozen=True)
class Compared:
    """What came of comparing all images."""

    selection: Selection
    """As it was, but for the images that were moved to another split."""
    pairs: Sequence[Pair] = ()
    """The worst first."""
    moves: Sequence[Move] = ()
    findings: Sequence[Finding] = ()


def compare_images(selection: Selection, *, fix: bool, workers: int, advance: Advance = no_progress) -> Compared:
    """Decode and compare all images; with `fix`, move images so that similar ones share a split."""
    from dataset_prep.near_duplicates import find_groups, take_fingerprints  # noqa: PLC0415  scipy takes a second

    prints = take_fingerprints(selection.images, workers=workers, advance=advance)
    groups = find_groups(prints)
    moves = find_moves(groups, selection.splits) if fix else []
    splits = {**selection.splits, **{move.image_id: move.new for move in moves}}
    findings = [*_find_broken(selection, prints), *describe_moves(moves, groups)]
    return Compared(replace(selection, splits=splits), find_pairs(groups, prints, splits), moves, findings)


def skip_comparison(selection: Selection) -> Compared:
    """Decoding each image takes longer than all the rest together, so it is done only where it is asked for."""
    found = FindingLog()
    found.info(
        "IMAGES_NOT_COMPARED",
        "Copies of an image were looked for by their files' bytes only.",
        "Give --report or --fix-leakage to compare pixels too, which finds re-encoded and scaled copies.",
    )
    return Compared(selection, findings=found.findings())


def _find_broken(selection: Selection, prints: Mapping[int, Fingerprint]) -> list[Finding]:
    """What is wrong with the images that could not be decoded; copying a PNG does not decode it."""
    from image_reader.decoding import open_image  # noqa: PLC0415  Pillow, which plain PNGs do without

    found = FindingLog()
    for image in selection.images:
        if image.image_id not in prints:
            try:
                open_image(image.path)
            except (ImageError, OSError) as error:
                report_broken(image, error, found)
    return found.findings()


def find_pairs(
    groups: Sequence[Sequence[int]], prints: Mapping[int, Fingerprint], splits: Mapping[int, str]
) -> list[Pair]:
    """For each image that is similar to an earlier one, that one, from another split if possible; leaks come first.

    Images of one plan that differ (its floors) are a pair only where they leak.
    """
    pairs: list[Pair] = []
    for group in groups:
        earlier: dict[bytes, int] = {}  # by pixels, so that thousands of equal images take no time
        for image_id in sorted(group, key=lambda image_id: (SPLITS.index(splits[image_id]), image_id)):
            mine = prints[image_id]
            if mine.pixels in earlier:
                candidates = [(Similarity.PIXELS, earlier[mine.pixels])]
            else:
                compared = ((compare(prints[other], mine), other) for other in earlier.values())
                candidates = [(similarity, other) for similarity, other in compared if similarity is not None]
            earlier.setdefault(mine.pixels, image_id)
            ranked = sorted((splits[other] == splits[image_id], similarity, other) for similarity, other in candidates)
            if ranked and ranked[0][:2] != (True, Similarity.PLAN):
                same_split, similarity, other = ranked[0]
                pairs.append(Pair(other, image_id, similarity, not same_split))
    return sorted(pairs, key=lambda pair: (not pair.leaks, pair.similarity, pair.second))


def check_pairs(pairs: Sequence[Pair], splits: Mapping[int, str], file_hashes: Mapping[int, str]) -> list[Finding]:
    """Findings about `pairs`; those with the same hash in `file_hashes` (by image id) are left to the contract.

    As the contract does for files, an image in two splits is a warning, and an error where more than LEAK_TOLERATED of
    a split are such images by pixels or plan id. A near-duplicate is a judgement, so it never refuses a data set.
    """
    found = FindingLog()
    certain: Counter[str] = Counter()
    by_file: Counter[str] = Counter()
    for pair in pairs:
        split, other_split = splits[pair.second], splits[pair.first]
        same_file = file_hashes.get(pair.first, 1) == file_hashes.get(pair.second, 2)
        if pair.leaks:
            certain[split] += pair.similarity is not Similarity.NEAR_DUPLICATE
            by_file[split] += same_file
        if same_file:
            continue
        place: Place = {"split": split, "image_id": pair.second}
        if pair.leaks:
            code, how = {
                Similarity.PIXELS: ("LEAKAGE", "has the same pixels as"),
                Similarity.NEAR_DUPLICATE: ("LEAKAGE_NEAR_DUPLICATE", "looks nearly the same as"),
                Similarity.PLAN: ("LEAKAGE_SAME_PLAN", "is of the same plan of CubiCasa5K as"),
            }[pair.similarity]
            message = f"Image {pair.second} in {split} {how} image {pair.first} in {other_split}."
            found.warning(code, message, _FIX, **place)
        elif pair.similarity is Similarity.PIXELS:
            message = f"Images {pair.first} and {pair.second} in {split} have the same pixels."
            found.warning("DUPLICATE_IMAGE", message, "Keep one of them, the one with the better boxes.", **place)
        else:
            message = f"Images {pair.first} and {pair.second} in {split} look nearly the same."
            fix = "Look at the pair in the report; keep both if their boxes agree."
            found.info("NEAR_DUPLICATE", message, fix, **place)
    sizes = Counter(splits.values())
    for split in SPLITS:
        tolerated = LEAK_TOLERATED * sizes[split]
        if certain[split] > tolerated >= by_file[split]:  # above it by files alone, the contract says so
            found.error(
                "LEAKAGE_HEAVY",
                f"{certain[split]:,} of {sizes[split]:,} images in {split} are in another split too by pixels or plan: "
                "its scores are void.",
                "Run dataset_prep/run.py with --fix-leakage.",
                split=split,
            )
    return found.findings()


def find_moves(groups: Sequence[Sequence[int]], splits: Mapping[int, str]) -> list[Move]:
    """The moves after which each group is in one of the splits it was in; no other image moves.

    A group goes to the split that has most of its images; if several have, to the smallest of them. Then groups, the
    largest first, go to another of their splits for as long as that brings the splits nearer to the sizes they had (by
    the sum of the squared differences). Pairs alone leave no split more than two images larger or smaller than it was.
    """
    leaking = [group for group in groups if len({splits[image_id] for image_id in group}) > 1]
    leaking.sort(key=lambda group: (-len(group), min(group)))
    shares = [Counter(splits[image_id] for image_id in group) for group in leaking]
    sizes = Counter(splits.values())
    target = [min(own, key=lambda split: (-own[split], sizes[split], SPLITS.index(split))) for own in shares]
    excess = Counter(target[index] for index, group in enumerate(leaking) for _ in group)
    excess.subtract(splits[image_id] for group in leaking for image_id in group)
    improved = True
    while improved:
        improved = False
        for index, group in enumerate(leaking):
            new = min(shares[index], key=lambda split: (excess[split], SPLITS.index(split)))
            if excess[new] + len(group) < excess[target[index]]:
                excess[target[index]] -= len(group)
                excess[new] += len(group)
                target[index], improved = new, True
    moves = [
        Move(image_id, splits[image_id], target[index])
        for index, group in enumerate(leaking)
        for image_id in group
        if splits[image_id] != target[index]
    ]
    return sorted(moves, key=lambda move: move.image_id)


def describe_moves(moves: Sequence[Move], groups: Sequence[Sequence[int]]) -> list[Finding]:
    """The info finding that says what --fix-leakage did; none if there was nothing to do."""
    if not moves:
        return []
    found = FindingLog()
    moved = {move.image_id for move in moves}
    united = sum(not moved.isdisjoint(group) for group in groups)
    ways: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for move in moves:
        ways[move.old, move.new].append(move.image_id)
    parts = [f"{_listed(ids)} from {old} to {new}" for (old, new), ids in sorted(ways.items())]
    found.info(
        "LEAKAGE_FIXED",
        f"{len(moves):,} images were moved, so that each of {united:,} groups of similar images is in one split: "
        f"{'; '.join(parts)}.",
        "Nothing; the manifest's options name all of them.",
    )
    return found.findings()


def _listed(ids: Sequence[int]) -> str:
    more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
    return ", ".join(map(str, ids[:_NAMED])) + more
