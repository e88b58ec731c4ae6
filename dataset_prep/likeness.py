"""How alike two pictures are, judged by their fingerprints: same pixels, nearly the same look, same plan."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

LOOK_BITS = 40
"""Pictures whose looks differ in at most so many bits count as one; near_duplicates.py has the figures."""


class Likeness(IntEnum):
    """How two pictures are alike, the most certain first."""

    PIXELS = 0
    LOOK = 1
    PLAN = 2
    """Of the same plan of CubiCasa5K by their folders, such as F1_original.png and F2_original.png."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a picture is compared by."""

    pixels: bytes
    """SHA-256 over the size and the pixels in RGB, so the same for a grey picture and its copy in RGB."""
    look: int | None
    """The perceptual hash; None for a picture of one colour, which has no look."""
    plan: int | None
    """CubiCasa5K's number of the plan, where the folders say it."""


def compare(first: Fingerprint, second: Fingerprint) -> Likeness | None:
    """How two pictures are alike, None if they are not."""
    if first.pixels == second.pixels:
        return Likeness.PIXELS
    if first.look is not None and second.look is not None and (first.look ^ second.look).bit_count() <= LOOK_BITS:
        return Likeness.LOOK
    return Likeness.PLAN if first.plan is not None and first.plan == second.plan else None
