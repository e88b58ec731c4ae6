"""Updates of `room_wall` at 800 x 1333 pixels on the GPU: speed, memory, kernels and host synchronisations, by form."""

from __future__ import annotations

import gc
import itertools
import time
import warnings
from collections import Counter
from typing import Any

import torch

from benchmarks.full_step import SIZE, full_step, noise, update
from benchmarks.gpu.figures import Tell
from benchmarks.gpu.timing import NEEDS_GPU, ON_GPU, device, peak_gib, seconds, wait
from benchmarks.measuring import ROOT
from benchmarks.step_counts import MOST_KERNELS, MOST_SYNCHRONISATIONS
from dataset_contract.out_of_memory import is_out_of_memory
from training_code.dino.compiler import missing_compiler
from training_code.dino.sampling.choice import choose
from training_code.loop.training_step import TrainingStep

BATCH = 2
LEAST_FASTER = 3.0
MOST_MEMORY = 0.5
DRY_SIZE = (64, 96)
LARGEST_TRIED, DRY_LARGEST = 256, 2
LARGEST_BATCH = "largest batch that fits of those tried"
SYNCHRONISES = "called a synchronizing CUDA operation"
"""PyTorch's warning; when it is asked to warn, it also says that this is a prototype."""
FORMS: dict[str, dict[str, Any]] = {
    "plain, fp32": {"deformable_attention": "plain", "precision": "fp32"},
    "plain, bf16": {"deformable_attention": "plain", "precision": "bf16"},
    "as trained": {},
}
"""By name, the settings that differ from the recipe's."""


def forms(dry: bool, tell: Tell) -> None:
    """Two images at a time; the last form is what a training takes on this machine."""
    speeds: dict[str, float] = {}
    memories: dict[str, float | None] = {}
    for name, settings in FORMS.items():
        training = _training(dry, tell, name, settings)
        speeds[name], memories[name] = _speed_and_memory(training, BATCH, dry)
        tell(f"{name}, speed", speeds[name], "images/s")
        tell(f"{name}, peak memory", _or_why_not(memories[name]), "GiB")
        if name != "as trained":
            del training
            gc.collect()
    first, last = "plain, fp32", "as trained"
    tell("speed by that of the plain form in fp32", speeds[last] / speeds[first], "times", at_least=LEAST_FASTER)
    before, after = memories[first], memories[last]
    if before and after:
        tell("memory by that of the plain form in fp32", after / before, at_most=MOST_MEMORY)
    _kernels(training, dry, tell)
    _synchronises(training, dry, tell)


def compiled(dry: bool, tell: Tell) -> None:
    """Two images at a time, as a training takes them, without and with torch_compile."""
    if missing := missing_compiler(device()):
        tell("torch_compile", missing)
        return
    speed, memory = _speed_and_memory(_training(dry, tell, "as trained", {}), BATCH, dry)
    training = _training(dry, tell, "compiled", {"torch_compile": True})
    loaded = noise(BATCH, DRY_SIZE if dry else SIZE)
    start = time.perf_counter()
    update(training, loaded, 0, device())
    wait()
    first = time.perf_counter() - start
    compiled_speed, compiled_memory = _speed_and_memory(training, BATCH, dry)
    tell("first update, compiled", first, "s")
    for name, each, most in (("as trained", speed, memory), ("compiled", compiled_speed, compiled_memory)):
        tell(f"{name}, speed", each, "images/s")
        tell(f"{name}, peak memory", _or_why_not(most), "GiB")
    saved = BATCH / speed - BATCH / compiled_speed
    tell("updates after which compiling has paid", first / saved if saved > 0 else "never")
    _kernels(training, dry, tell)


def batches(dry: bool, tell: Tell) -> None:
    """Twice as many images each time until memory runs out, then halves of the step between."""
    training = _training(dry, tell, "batches", {})
    most = DRY_LARGEST if dry else LARGEST_TRIED
    fits, fails = 0, most + 1
    while fails - fits > max(1, fits // 8):
        batch = min(max(fits * 2, BATCH), most) if fails > most else (fits + fails) // 2
        measured = _if_it_fits(training, batch, dry)
        if measured is None:
            fails = batch
            continue
        fits = batch
        speed, memory = measured
        tell(f"batch of {batch}, speed", speed, "images/s")
        tell(f"batch of {batch}, peak memory", _or_why_not(memory), "GiB")
        tell(LARGEST_BATCH, fits, "images")
    if not fits:
        tell(LARGEST_BATCH, "none: not even one image fits")


def _if_it_fits(training: TrainingStep, batch: int, dry: bool) -> tuple[float, float | None] | None:
    """None if memory runs out, which leaves nothing behind."""
    try:
        return _speed_and_memory(training, batch, dry)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    # Only now that the error is gone, and with it the frames that held the update's tensors.
    training.optimiser.zero_grad(set_to_none=True)
    gc.collect()
    torch.cuda.empty_cache()
    return None


def _training(dry: bool, tell: Tell, name: str, settings: dict[str, Any]) -> TrainingStep:
    training = full_step(device(), recipe="tiny" if dry else "room_wall", **settings)
    tell(f"{name}, sampling", choose(settings.get("deformable_attention", "auto"), device()))
    return training


def _speed_and_memory(training: TrainingStep, batch: int, dry: bool) -> tuple[float, float | None]:
    """Images a second, and GiB at the peak of an update."""
    loaded = noise(batch, DRY_SIZE if dry else SIZE)
    steps = itertools.count()

    def once() -> None:
        update(training, loaded, next(steps), device())

    return batch / seconds(once), peak_gib(once)


def _kernels(training: TrainingStep, dry: bool, tell: Tell) -> None:
    """Of an update, by the profiler; with them, the share of its time that the GPU computes."""
    if not ON_GPU:
        tell("kernels of an update", NEEDS_GPU)
        return
    loaded = noise(BATCH, DRY_SIZE if dry else SIZE)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        update(training, loaded, 0, device())
        wait()
    kernels = [
        event
        for event in profile.events() or []
        if event.device_type == torch.profiler.DeviceType.CUDA
        and not event.is_user_annotation
        and not event.name.startswith(("Memcpy", "Memset"))
    ]
    if not kernels:
        tell("kernels of an update", "the profiler saw none: is CUPTI, CUDA's profiling library, installed?")
        return
    busy = sum(event.time_range.elapsed_us() for event in kernels) / 1e6
    took = seconds(lambda: update(training, loaded, 1, device()))
    tell("kernels of an update", len(kernels), at_most=MOST_KERNELS)
    tell("share of an update's time in which the GPU computes", busy / took)


def _synchronises(training: TrainingStep, dry: bool, tell: Tell) -> None:
    """Of the host in an update, as PyTorch warns of them, with their lines."""
    if not ON_GPU:
        tell("host synchronisations of an update", NEEDS_GPU)
        return
    loaded = noise(BATCH, DRY_SIZE if dry else SIZE)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        update(training, loaded, 2, device())
        torch.cuda.set_sync_debug_mode("default")
    synchronisations = [each for each in caught if SYNCHRONISES in str(each.message)]
    tell("host synchronisations of an update", len(synchronisations), at_most=MOST_SYNCHRONISATIONS)
    lines = Counter(f"{each.filename.removeprefix(f'{ROOT}/')}:{each.lineno}" for each in synchronisations)
    for line, number in lines.items():
        tell(f"synchronisations at {line}", number)


def _or_why_not(memory: float | None) -> float | str:
    return NEEDS_GPU if memory is None else memory
