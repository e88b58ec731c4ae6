"""The rules of a batch that is measured: the most images that it may have, and the learning rates that follow from it.

loop/batch_choice.py measures. Standard library only: Lambdas read it, too.
"""

from __future__ import annotations

import math

from training_code.config import LEAST_BATCH

MOST_BATCH = 16
"""Images a process takes at once: with the largest ones, a GPU has enough to do with fewer."""

LEAST_UPDATES = 5000
"""Of a whole training. A detector learns by updates, and fewer teach it too little however many images each of them
sees. A choice, not a measurement: the paper makes 88,000 in 12 epochs of COCO."""

IMAGES_OF_THE_RATES = 16
"""Of an update for which the paper has its learning rates: eight GPUs with two images each."""


def largest_batch(*, images: int, epochs: int, batches: int = 1) -> int:
    """Images that a batch may have in a training on `images`, with so many `batches` an update: a power of two.

    So few that LEAST_UPDATES are left, and never below LEAST_BATCH, which was the batch before it was measured.
    """
    each = images * epochs // (LEAST_UPDATES * batches)
    return max(LEAST_BATCH, min(MOST_BATCH, 1 << max(0, each.bit_length() - 1)))


def rate_factor(images: int) -> float:
    """What a recipe's learning rates are multiplied by for updates of so many `images`, of all processes together.

    The paper's are kept up to its own 16 images: at two, they are what this project has always trained with, and
    neither end asks for others in between. Beyond, they follow the square root (Malladi et al., "On the SDEs and
    Scaling Rules for Adaptive Gradient Algorithms", NeurIPS 2022, arXiv 2205.10287), as suits AdamW.
    """
    return max(1.0, math.sqrt(images / IMAGES_OF_THE_RATES))
