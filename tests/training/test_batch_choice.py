"""A batch that the settings leave open is as large as memory holds, and what follows from it is a stated rule."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.training.training_jobs import SMALL, Job
from training_code import train
from training_code.job.failures import JobConfigError
from training_code.job.hyperparameters import JobConfig, parse_hyperparameters
from training_code.loop import batch_choice
from training_code.loop.batch_choice import with_batch
from training_code.loop.gpu_memory import MARGIN, MemoryUse
from training_code.loop.trainer import Trainer
from training_code.measured_batch import LEAST_UPDATES, largest_batch, rate_factor

GIB = 2**30
IMAGES = 2935


@dataclasses.dataclass
class Gpu:
    """Memory that grows with the images; beyond `really` it runs out all the same."""

    total: float = 24.0
    fixed: float = 1.0
    """GiB of weights, moments and gradients."""
    each: float = 1.8
    """GiB an image."""
    really: int = 1024
    tried: list[int] = dataclasses.field(default_factory=list)

    def measure(self, batch_size: int) -> MemoryUse:
        self.tried.append(batch_size)
        peak = self.fixed + self.each * batch_size
        runs_out = peak > self.total or batch_size > self.really
        return MemoryUse(math.inf if runs_out else peak * GIB, int(self.total * GIB))


def choose(
    gpu: Gpu | None,
    *,
    images: int = IMAGES,
    processes: int = 1,
    saved: int | None = None,
    log_line: Callable[[str], None] = print,
    **hyperparameters: str,
) -> JobConfig:
    job = parse_hyperparameters({"epochs": "50", **hyperparameters})
    return with_batch(
        job, gpu.measure if gpu else None, images=images, processes=processes, saved=saved, log_line=log_line
    )


def parts(job: JobConfig) -> tuple[int | None, int]:
    return job.training.batch_size, job.training.accumulation_steps


@pytest.mark.parametrize(
    ("gpu", "batch", "tried"),
    [
        (Gpu(), 8, [1, 2, 8]),
        (Gpu(total=80), 16, [1, 2, 16]),
        (Gpu(total=1000), 16, [1, 2, 16]),  # the most
        (Gpu(total=16), 4, [1, 2, 4]),
        (Gpu(total=5.5), 2, [1, 2]),
        (Gpu(total=4.7), 1, [1, 2]),  # two fit, but not with the margin
        (Gpu(total=2), 1, [1, 2]),  # nor does one: the trainer tells it
        (Gpu(really=4), 4, [1, 2, 8, 4]),  # memory did not grow by as much for each
        (Gpu(really=2), 2, [1, 2, 8, 4]),
    ],
)
def test_as_many_images_as_memory_holds_with_a_margin(gpu: Gpu, batch: int, tried: list[int]) -> None:
    job = choose(gpu)
    # An update has at least the two images that it had before batches were measured.
    assert parts(job) == (batch, 2 // batch or 1)
    assert gpu.tried == tried
    assert job.batch_is_measured
    assert gpu.measure(batch).fits or batch == 1


def test_a_margin_is_left_exactly() -> None:
    assert MemoryUse((1 - MARGIN) * 1000, 1000).fits
    assert not MemoryUse((1 - MARGIN) * 1000 + 1, 1000).fits
    assert not MemoryUse(math.inf, 1000).fits


@pytest.mark.parametrize(
    ("images", "epochs", "batches", "most"),
    [
        (2935, 50, 1, 16),
        (2935, 5, 1, 2),
        (50, 50, 1, 2),
        (838, 50, 1, 8),
        (2935, 50, 4, 4),
        (2935, 50, 8, 2),
        (118_000, 12, 8, 16),
        (1, 1, 16, 2),
    ],
)
def test_enough_updates_are_left(images: int, epochs: int, batches: int, most: int) -> None:
    assert largest_batch(images=images, epochs=epochs, batches=batches) == most
    assert most == 2 or images * epochs / (most * batches) >= LEAST_UPDATES
    assert most == 16 or images * epochs / (2 * most * batches) < LEAST_UPDATES


def test_a_short_training_says_why_its_batch_is_small() -> None:
    said: list[str] = []
    assert parts(choose(Gpu(), epochs="5", log_line=said.append)) == (2, 1)
    assert said == [
        "Batch of 2 images: by measured memory (4.6 of 24.0 GiB), and more would leave fewer than 5,000 updates."
        " An update takes 2; learning rates 0.0001 and 1e-05."
    ]


def test_what_an_update_takes_already_counts() -> None:
    assert parts(choose(Gpu(), accumulation_steps="4")) == (4, 4)
    assert parts(choose(Gpu(total=4.7), accumulation_steps="4")) == (1, 8)


def test_an_update_of_more_batches_than_may_be_is_refused_in_a_sentence() -> None:
    assert parts(choose(Gpu(total=4.7), accumulation_steps="512")) == (1, 1024)
    with pytest.raises(
        JobConfigError, match=r"^CONFIG: An update of 2,048 images takes 2,048 batches, .* at most 1,024"
    ):
        choose(Gpu(total=4.7), accumulation_steps="1024")
    with pytest.raises(JobConfigError, match=r"takes 4,096 batches, since memory holds 1 at once"):
        choose(Gpu(total=2), accumulation_steps="256", saved=4096)


def test_a_cpu_takes_two() -> None:
    said: list[str] = []
    assert parts(choose(None, log_line=said.append)) == (2, 1)
    assert said[0].startswith("Batch of 2 images: on a CPU it is not measured.")


# Learning rates


def test_rates_are_the_papers_up_to_its_images_and_then_follow_the_square_root() -> None:
    assert [rate_factor(images) for images in (1, 2, 8, 16, 64, 256)] == [1, 1, 1, 1, 2, 4]


def rates(job: JobConfig) -> tuple[float, float]:
    return job.training.learning_rate, job.training.backbone_learning_rate


def test_only_the_recipes_rates_follow() -> None:
    large: dict[str, Any] = {"images": 118_000, "processes": 8}
    said: list[str] = []
    eight = choose(Gpu(), **large, log_line=said.append)  # 64 images an update
    assert rates(eight) == pytest.approx((2e-4, 2e-5))
    assert said[0].endswith(
        "An update takes 64; learning rates 0.0002 and 2e-05, the recipe's times 2 by the square root of the images."
    )
    one_is_set = choose(Gpu(), **large, log_line=said.append, learning_rate="1e-4")  # although it is the recipe's
    assert rates(one_is_set) == pytest.approx((1e-4, 2e-5))
    assert said[1].endswith(", but for learning_rate, which was set.")
    assert rates(choose(Gpu())) == (1e-4, 1e-5)


# An interrupted training


def test_an_interrupted_training_keeps_its_batch_without_a_margin() -> None:
    gpu = Gpu(total=8 * 1.8 + 1.1)
    assert parts(choose(gpu, saved=8)) == (8, 1)
    assert gpu.tried == [8]


def test_where_memory_holds_fewer_as_many_images_make_an_update() -> None:
    said: list[str] = []
    job = choose(Gpu(total=10), saved=16, accumulation_steps="2", processes=2, log_line=said.append)
    assert parts(job) == (4, 4)
    assert said[0].startswith("Batch of 4 images: before it were 8, for which the memory does not suffice.")
    assert "An update takes 32;" in said[0]
    before = choose(Gpu(), saved=16, accumulation_steps="2", processes=2)
    assert rates(job) == rates(before) == pytest.approx((1e-4 * math.sqrt(2), 1e-5 * math.sqrt(2)))


def test_one_image_that_does_not_fit_is_left_to_the_trainer_to_tell() -> None:
    assert parts(choose(Gpu(total=1), saved=8)) == (1, 8)


def test_a_cpu_goes_on_with_the_batch_of_the_checkpoint() -> None:
    assert parts(choose(None, saved=8)) == (8, 1)


# Jobs

MEASURED = {**SMALL, "batch_size": "null", "epochs": "1"}


def trained_batch(job: Job) -> tuple[int, int]:
    training = json.loads((job.model / "config.json").read_text())["training"]
    return training["batch_size"], training["accumulation_steps"]


def test_a_job_on_a_cpu_learns_what_it_does_with_a_batch_of_two(
    run_here: Job, capfd: pytest.CaptureFixture[str]
) -> None:
    run_here.configure(**MEASURED)
    assert train.main() == 0
    assert trained_batch(run_here) == (2, 1)
    assert "\nBatch of 2 images: on a CPU it is not measured." in capfd.readouterr().out
    losses = run_here.losses()
    for folder in ("checkpoints", "model"):
        shutil.rmtree(run_here.base / folder)
    run_here.configure(**{**MEASURED, "batch_size": "2"})
    assert train.main() == 0
    assert run_here.losses() == losses


@pytest.mark.parametrize(("gpu", "parts"), [(None, (4, 1)), (Gpu(really=4), (4, 1)), (Gpu(really=2), (2, 2))])
def test_an_interrupted_job_goes_on_with_as_many_images_an_update(
    run_here: Job,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    gpu: Gpu | None,
    parts: tuple[int, int],
) -> None:
    """On the same kind of instance, and on one whose memory holds fewer at once."""
    run_here.configure(**MEASURED)
    with monkeypatch.context() as four:
        four.setattr(batch_choice, "LEAST_BATCH", 4)
        four.setattr(Trainer, "_finish", lambda _: False)  # asked to stop
        assert train.main() == 0
    if gpu:
        monkeypatch.setattr(train, "with_batch", lambda job, _, **facts: with_batch(job, gpu.measure, **facts))
    assert train.main() == 0
    assert trained_batch(run_here) == parts
    assert "Going on from the checkpoint after step 2 of 2." in capfd.readouterr().out


def test_a_batch_that_was_set_is_not_that_of_a_checkpoint_with_a_measured_one(
    run_here: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_here.configure(**MEASURED)
    assert train.main() == 0
    run_here.configure(**{**MEASURED, "batch_size": "4"})
    assert train.main() == 1
    assert "batch_size = None, but this job has 4" in run_here.failure
