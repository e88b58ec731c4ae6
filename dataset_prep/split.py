"""Deals the images out to train, val and test by the rule that the YOLO baseline was made with."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

from dataset_contract.layout import SPLITS
from dataset_prep.errors import UsageError

Shares = tuple[float, float, float]
OFFICIAL = "official"


def parse_split(text: str) -> Shares | None:
    """The shares of train, val and test from text such as 0.7,0.2,0.1; None stands for the source's own split.

    Raises UsageError for anything that is not three shares from 0 to 1 that add up to 1.
    """
    if text.strip().lower() == OFFICIAL:
        return None
    advice = "Give three shares that add up to 1, such as --split 0.7,0.2,0.1, or --split official."
    try:
        shares = [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--split {text} is not three numbers. {advice}") from None
    if len(shares) != len(SPLITS) or not all(0 <= share <= 1 for share in shares):
        raise UsageError(f"--split {text} is not three shares from 0 to 1. {advice}")
    if not math.isclose(sum(shares), 1, abs_tol=1e-6):
        raise UsageError(f"--split {text} adds up to {sum(shares):g}. {advice}")
    return shares[0], shares[1], shares[2]


def split_ids(ids: Iterable[int], shares: Shares, seed: int) -> dict[int, str]:
    """image id -> split: sorted, shuffled by random.Random(seed), int(share * n) for train and val, the rest for test.

    With the shares 0.7,0.2,0.1 and seed 42 this is the split that the YOLO baseline was measured on (2935, 838 and 421
    of 4194 images). What rounding leaves over goes to the last split whose share is not 0.
    """
    order = sorted(ids)
    random.Random(seed).shuffle(order)
    last = max(index for index, share in enumerate(shares) if share > 0)
    counts = [int(share * len(order)) for share in shares]
    counts[last] = len(order) - sum(counts[:last])
    splits = [split for split, count in zip(SPLITS, counts, strict=True) for _ in range(count)]
    return dict(zip(order, splits, strict=False))
