"""torch_compile changes nothing but rounding: one code for images of all sizes, and the model itself stays as it is.

Compiled here are the graphs only; test_golden_losses.py has the code that is made of them.
"""

from __future__ import annotations

import copy
import dataclasses
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, nn
from torch._dynamo.backends.distributed import DDPOptimizer
from torch._dynamo.utils import counters

from tests.training.training_jobs import SMALL, Job
from training_code import train
from training_code.data.batches import Batch
from training_code.dino.compiler import missing_compiler
from training_code.dino.criterion import Criterion
from training_code.dino.model import DINO, build_model
from training_code.job.distributed import DistributedContext
from training_code.loop.compiled_model import compiled
from training_code.loop.training_step import TrainingStep
from training_code.recipes import RECIPES

CPU = torch.device("cpu")
SMALLER = dataclasses.replace(
    RECIPES["tiny"].model, backbone_blocks=(1, 1, 1, 1), encoder_layers=2, decoder_layers=2
).with_classes(3)
KINDS = 2
"""The encoder's layers and the decoder's."""


@pytest.fixture(autouse=True)
def graphs_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """To make code of them takes ten times as long."""
    compile_ = nn.Module.compile

    def trace(module: nn.Module, *, dynamic: bool, options: dict[str, bool]) -> None:
        compile_(module, dynamic=dynamic, backend="aot_eager")

    monkeypatch.setattr(nn.Module, "compile", trace)
    torch.compiler.reset()
    counters.clear()
    with torch._dynamo.config.patch(optimize_ddp=True):  # as PyTorch has it, also after each test
        yield
    torch.compiler.reset()


def small_model() -> DINO:
    torch.manual_seed(0)
    model = build_model(SMALLER)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("sampling_offsets.bias"):
                parameter.add_(0.1234567)  # off the pixels' centres, where gradients jump
    return model


def batch_of(height: int, width: int, *, padding: int, boxes: int = 5, dtype: torch.dtype = torch.float64) -> Batch:
    """Two images of noise, the first with rows of padding."""
    made = torch.Generator().manual_seed(height * width)
    images = torch.randn(2, 3, height, width, generator=made, dtype=dtype)
    mask = torch.zeros(2, height, width, dtype=torch.bool)
    mask[0, height - padding :] = True
    labels, corners = torch.ones(boxes, dtype=torch.int64), torch.rand(boxes, 4, generator=made, dtype=dtype)
    targets = [{"labels": labels, "boxes": corners * 0.3 + 0.2} for _ in images]
    return Batch(images, mask if padding else None, targets, [])


def loss_and_gradient(model: DINO, batch: Batch, *, autocast: bool = False) -> tuple[Tensor, dict[str, Tensor]]:
    model.train().zero_grad(set_to_none=True)
    torch.manual_seed(1)
    criterion = Criterion(model.config)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        outputs = model(batch.images, batch.mask, batch.targets)
    loss = criterion.total(criterion(outputs, batch.targets))
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach(), {name: x.grad for name, x in model.named_parameters() if x.grad is not None}


@pytest.mark.faults
def test_images_of_five_sizes_share_one_code_of_each_kind() -> None:
    model = small_model().double()
    second = compiled(model)
    for height, width in ((96, 128), (64, 96), (128, 96), (112, 80), (96, 96)):
        batch = batch_of(height, width, padding=20)
        expected = loss_and_gradient(model, batch)
        torch.testing.assert_close(loss_and_gradient(second, batch), expected, rtol=1e-9, atol=1e-12)
    assert counters["stats"]["unique_graphs"] == KINDS
    assert not counters["graph_break"]
    loss_and_gradient(second, batch_of(96, 128, padding=0))
    assert counters["stats"]["unique_graphs"] == 2 * KINDS  # layers leave out what padding needs


@pytest.mark.faults
def test_a_batch_without_a_box_learns_the_same() -> None:
    model = small_model().double()
    batch = batch_of(64, 96, padding=20, boxes=0)
    expected = loss_and_gradient(model, batch)
    torch.testing.assert_close(loss_and_gradient(compiled(model), batch), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.faults
def test_inside_autocast_and_recomputed_in_the_backward_pass_it_learns_the_same() -> None:
    """The losses differ by bf16's rounding; they would by more if a weight were cast otherwise."""
    model = small_model()
    second = compiled(model)
    second.transformer.encoder.activation_checkpointing = True
    batch = batch_of(64, 96, padding=20, dtype=torch.float32)
    (loss, gradients), (right, right_gradients) = (
        loss_and_gradient(each, batch, autocast=True) for each in (second, model)
    )
    torch.testing.assert_close(loss, right, rtol=1e-3, atol=0)
    assert {name: x.dtype for name, x in gradients.items()} == {name: x.dtype for name, x in right_gradients.items()}
    assert counters["stats"]["unique_graphs"] == KINDS
    assert not counters["graph_break"]


@pytest.mark.faults
def test_where_several_processes_train_a_layer_is_not_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch would, from a mebibyte of weights on, so that gradients are sent from the middle of it."""

    def split(*_: object) -> None:
        pytest.fail("a layer is split")

    monkeypatch.setattr(DDPOptimizer, "compile_fn", split)
    config = dataclasses.replace(RECIPES["tiny"].training, torch_compile=True)
    distributed.init_process_group("gloo", init_method=(tmp_path / "processes").as_uri(), rank=0, world_size=1)
    try:
        training = TrainingStep(small_model(), config, DistributedContext(0, 2, CPU))  # no other is waited for here
        training.accumulate([batch_of(64, 96, padding=20, dtype=torch.float32)], 0)
    finally:
        distributed.destroy_process_group()
    assert counters["stats"]["unique_graphs"] == KINDS
    assert not counters["graph_break"]


@pytest.mark.faults
def test_the_model_itself_learns_and_stays_uncompiled() -> None:
    config = dataclasses.replace(RECIPES["tiny"].training, torch_compile=True, ema_decay=0.9)
    training = TrainingStep(small_model(), config, DistributedContext(0, 1, CPU))
    before, names = copy.deepcopy(training.model.state_dict()), set(small_model().state_dict())
    training.update([batch_of(64, 96, padding=20, dtype=torch.float32)], 0, steps=2, steps_per_epoch=2)
    assert counters["stats"]["unique_graphs"] == KINDS
    after = training.state()["model"]
    assert set(after) == names
    for weight in ("transformer.encoder.layers.0.linear1.weight", "class_embed.0.weight"):
        assert not torch.equal(after[weight], before[weight])
    for model in (training.model, training.shipped_model, copy.deepcopy(training.model)):
        assert all(part._compiled_call_impl is None for part in model.modules())


@pytest.mark.faults
@pytest.mark.parametrize("first", [False, True])
def test_a_training_goes_on_in_the_other_mode(first: bool) -> None:
    def training_of(torch_compile: bool) -> TrainingStep:
        config = dataclasses.replace(RECIPES["tiny"].training, torch_compile=torch_compile)
        return TrainingStep(small_model().double(), config, DistributedContext(0, 1, CPU))

    batch = batch_of(64, 96, padding=20)
    whole, before, after = training_of(first), training_of(first), training_of(not first)
    losses = [whole.update([batch], step, steps=4, steps_per_epoch=4).read().loss for step in range(4)]
    for step in range(2):
        before.update([batch], step, steps=4, steps_per_epoch=4)
    after.restore(before.state())
    gone_on = [after.update([batch], step, steps=4, steps_per_epoch=4).read().loss for step in range(2, 4)]
    assert gone_on == pytest.approx(losses[2:], rel=1e-6)


def test_without_a_compiler_the_job_says_what_to_change(run_here: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    run_here.configure(**SMALL, torch_compile="true")
    assert train.main() == 1
    assert run_here.failure.startswith("CONFIG: torch_compile is true, but this machine has no C++ compiler: set it to")


@pytest.mark.parametrize(
    ("device", "found", "missing"),
    [
        ("cuda", "gcc", ""),
        ("cuda", "g++", "this machine has no C compiler"),
        ("cpu", "g++", ""),
        ("cpu", "gcc", "this machine has no C++ compiler"),
    ],
)
def test_a_gpus_code_needs_a_compiler_of_c_and_a_cpus_one_of_cpp(
    device: str, found: str, missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Python.h").touch()
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", lambda name: name if name == found else None)
    for variable in ("CC", "CXX"):
        monkeypatch.delenv(variable, raising=False)
    assert missing_compiler(torch.device(device)) == missing
