"""Reads the evaluations that the trainer keeps, input from outside, and says what the last epochs cost and brought."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from dataset_contract.bounded_json import read_json
from pipeline.billing import cost_usd
from pipeline.request import MAX_EPOCHS
from training_code.job.checkpoint_layout import MAX_METRICS_BYTES

_LONGEST_SECONDS = 1e9
LAST_EPOCHS = 5
"""Of which cost and gain are told: fewer of them gain or lose by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedEpoch:
    """One evaluation on the validation split."""

    epoch: int
    """From 1."""
    seconds: float
    """Time in training up to its end, over all restarts."""
    mean_f1: float
    """Of the gate's classes."""


def read_evaluations(content: bytes) -> tuple[EvaluatedEpoch, ...]:
    """Those in metrics.json, in their order; none if it is not what the trainer writes."""
    try:
        found = tuple(
            EvaluatedEpoch(epoch=int(each["epoch"]), seconds=float(each["seconds"]), mean_f1=float(each["mean_f1"]))
            for each in read_json(BytesIO(content), most=MAX_METRICS_BYTES)["evaluations"]
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return ()
    sound = all(
        1 <= each.epoch <= MAX_EPOCHS and 0 <= each.seconds <= _LONGEST_SECONDS and 0 <= each.mean_f1 <= 1
        for each in found
    )
    in_order = all(a.epoch < b.epoch and a.seconds <= b.seconds for a, b in itertools.pairwise(found))
    return found if sound and in_order else ()


def cost_of_last_epochs(evaluations: Sequence[EvaluatedEpoch], usd_per_hour: float) -> str | None:
    """Half a sentence on the last epochs' cost and gain; None before the second evaluation."""
    if len(evaluations) < 2:
        return None
    last = evaluations[-1]
    earlier = [each for each in evaluations if each.epoch <= last.epoch - LAST_EPOCHS] or [evaluations[0]]
    count = last.epoch - earlier[-1].epoch
    best = max(evaluations, key=lambda each: each.mean_f1)
    gain = 100 * (best.mean_f1 - max(each.mean_f1 for each in earlier))
    usd = cost_usd(usd_per_hour, last.seconds - earlier[-1].seconds)
    return (
        f"the last {'epoch' if count == 1 else f'{count:,} epochs'} cost {usd:.2f} USD and brought {gain:+.1f} points"
        f" of F1 (best {best.mean_f1:.3f} at epoch {best.epoch:,})"
    )
