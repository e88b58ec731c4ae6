"""How similar two images are, judged by their fingerprints: same pixels, near-duplicates, same plan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

MAX_HAMMING_DISTANCE = 40
"""Images whose perceptual hashes differ in at most so many bits are near-duplicates; near_duplicates.py has figures."""


class Similarity(IntEnum):
    """How two images are similar, the most certain first."""

    PIXELS = 0
    NEAR_DUPLICATE = 1
    PLAN = 2
    """Of the same plan of CubiCasa5K by their folders, such as F1_original.png and F2_original.png."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What an image is compared by."""

    pixels: bytes
    """SHA-256 over the size and the pixels in RGB, so the same for a grey image and its copy in RGB."""
    perceptual_hash: int | None
    """None for an image of one colour, whose hash would be noise."""
    plan: int | None
    """CubiCasa5K's number of the plan, where the folders say it."""


def compare(first: Fingerprint, second: Fingerprint) -> Similarity | None:
    """How two images are similar, None if they are not."""
    if first.pixels == second.pixels:
        return Similarity.PIXELS
    hashes = first.perceptual_hash, second.perceptual_hash
    if hashes[0] is not None and hashes[1] is not None and (hashes[0] ^ hashes[1]).bit_count() <= MAX_HAMMING_DISTANCE:
        return Similarity.NEAR_DUPLICATE
    return Similarity.PLAN if first.plan is not None and first.plan == second.plan else None
