"""Chooses a training's batch by measured memory, where its settings leave that open, and the rates that follow from it.

The rules are in measured_batch.py, the measuring in gpu_memory.py. All processes of a job choose the same.
"""

import dataclasses
from collections.abc import Callable

from training_code.config import LEAST_BATCH, TRAINING_RANGES
from training_code.job.failures import JobConfigError
from training_code.job.hyperparameters import JobConfig
from training_code.loop.gpu_memory import Measure, MemoryUse
from training_code.measured_batch import LEAST_UPDATES, MOST_BATCH, largest_batch, rate_factor


def with_batch(
    job: JobConfig,
    measure: Measure | None,
    *,
    images: int,
    processes: int,
    saved: int | None,
    log_line: Callable[[str], None],
) -> JobConfig:
    """`job`, whose batch_size is None, with a batch of its own, and with the recipe's learning rates that follow.

    `measure` is None on a CPU; `images` are those to train on; `saved` is what each process took for an update before
    this training was interrupted: these stay as many, in more batches where memory holds fewer at once.

    Raises:
        JobConfigError: there would be more batches than an update may have.
    """
    config = job.training
    if saved is not None:
        at_once, reason = _saved_batch(saved // config.accumulation_steps, measure)
    elif measure is None:
        at_once, reason = LEAST_BATCH, "on a CPU it is not measured"
    else:
        of_update = config.accumulation_steps * processes
        largest = largest_batch(images=images, epochs=config.epochs, batches=of_update)
        at_once, reason = _measured_batch(measure, largest)
    update = saved or config.accumulation_steps * max(at_once, LEAST_BATCH)
    factor = rate_factor(update * processes)
    rates = {
        name: getattr(config, name) if name in job.given else getattr(config, name) * factor
        for name in ("learning_rate", "backbone_learning_rate")
    }
    batches = update // at_once
    if batches > (most := TRAINING_RANGES["accumulation_steps"][1]):
        raise JobConfigError(
            f"An update of {update:,} images takes {batches:,} batches, since memory holds {at_once} at once, and at"
            f" most {most:,} are allowed: start again with a smaller accumulation_steps, or on a GPU with more memory."
        )
    training = dataclasses.replace(config, batch_size=at_once, accumulation_steps=batches, **rates)
    used, why = " and ".join(f"{rate:.3g}" for rate in rates.values()), _why(factor, rates.keys() & job.given)
    log_line(f"Batch of {at_once} images: {reason}. An update takes {update * processes}; learning rates {used}{why}.")
    return dataclasses.replace(job, training=training, batch_is_measured=True)


def _saved_batch(batch: int, measure: Measure | None) -> tuple[int, str]:
    """The checkpoint's, without a margin: on a GPU of the same kind, what fitted must fit again."""
    at_once = batch = max(1, batch)
    while measure and at_once % 2 == 0 and measure(at_once).ran_out:
        at_once //= 2
    return (
        at_once,
        "as before" if at_once == batch else f"before it were {batch}, for which the memory does not suffice",
    )


def _measured_batch(measure: Measure, most: int) -> tuple[int, str]:
    """The largest power of two up to `most` that fits.

    Memory grows with the images by as much for each, so one and two tell how many should fit; that is then tried.
    """
    use, use_of_two = measure(1), measure(2)
    if not use_of_two.fits:
        return 1, f"two do not fit into the memory ({_figures(use)})"
    at_once, another = 2, use_of_two.peak_bytes - use.peak_bytes
    while at_once < most and use._replace(peak_bytes=use.peak_bytes + another * (2 * at_once - 1)).fits:
        at_once *= 2
    use = use_of_two
    while at_once > 2 and not (use := measure(at_once)).fits:
        at_once, use = at_once // 2, use_of_two
    limit = f", and more would leave fewer than {LEAST_UPDATES:,} updates" if at_once == most < MOST_BATCH else ""
    return at_once, f"by measured memory ({_figures(use)}){limit}"


def _figures(use: MemoryUse) -> str:
    if use.ran_out:
        return f"more than {use.usable_bytes / 2**30:.1f} GiB"
    return f"{use.peak_bytes / 2**30:.1f} of {use.usable_bytes / 2**30:.1f} GiB"


def _why(factor: float, given: set[str]) -> str:
    if factor == 1:
        return ""
    kept = f", but for {' and '.join(sorted(given))}, which was set" if given else ""
    return f", the recipe's times {factor:.3g} by the square root of the images{kept}"
