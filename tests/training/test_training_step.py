"""An update: the mean gradient, clipped, and the moving average; the weights' layout in memory changes nothing."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from dataset_contract.load import load_split
from prediction.torch_model import weights_by_name
from training_code.data.batches import Batch, BatchLoader, EpochBatchSampler
from training_code.data.plan_dataset import PlanDataset
from training_code.dino.model import build_model
from training_code.job.distributed import DistributedContext
from training_code.loop.optimisation import MovingAverage
from training_code.loop.step_figures import NonFiniteStepError
from training_code.loop.training_step import TrainingStep
from training_code.recipes import RECIPES

CONFIG = dataclasses.replace(
    RECIPES["tiny"].training, image_short_sides=(64,), image_max_side=96, learning_rate=1e-5, ema_decay=0.9
)


@pytest.fixture(scope="module")
def batches(dataset: Path) -> list[Batch]:
    images = PlanDataset(dataset / "train", load_split(dataset, "train"), CONFIG, augmented=True)
    loaded = BatchLoader(images, pin_memory=False).read(EpochBatchSampler(images, epoch=0))
    return [batch.to(torch.device("cpu")) for batch in loaded]


def make_training(*, channels_last: bool) -> TrainingStep:
    """As a TrainingStep on a CPU, or as on a GPU."""
    torch.manual_seed(0)
    model = build_model(RECIPES["tiny"].model.with_classes(3))
    if channels_last:
        model.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return TrainingStep(model, CONFIG, DistributedContext(0, 1, torch.device("cpu")))


def train(training: TrainingStep, batches: list[Batch], steps: range) -> list[float]:
    return [training.update([batches[step]], step, steps=6, steps_per_epoch=6).read().loss for step in steps]


def learned(training: TrainingStep) -> tuple[dict[str, Any], ...]:
    """Weights, their average, and the optimiser's moments with their numbers of updates."""
    state = training.state()
    return state["model"], state["average"], state["optimiser"]["state"]


def strides(training: TrainingStep) -> set[tuple[int, ...]]:
    return {parameter.stride() for parameter in training.model.backbone.parameters()}


def test_both_layouts_learn_the_same(batches: list[Batch]) -> None:
    usual, last = (make_training(channels_last=channels_last) for channels_last in (False, True))
    assert strides(usual) != strides(last)
    losses = [train(training, batches, range(3)) for training in (usual, last)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("before", [False, True])
def test_a_checkpoint_goes_on_in_the_other_layout(batches: list[Batch], tmp_path: Path, before: bool) -> None:
    first, second = make_training(channels_last=before), make_training(channels_last=not before)
    train(first, batches, range(2))
    torch.save(first.state(), tmp_path / "state.pt")
    layout = strides(second)
    second.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    assert strides(second) == layout
    for parameter, moments in second.optimiser.state.items():
        assert moments["exp_avg"].stride() == moments["exp_avg_sq"].stride() == parameter.stride()
    assert train(second, batches, range(2, 4)) == pytest.approx(train(first, batches, range(2, 4)), rel=1e-3)


def test_what_is_saved_lies_row_by_row(batches: list[Batch]) -> None:
    training = make_training(channels_last=True)
    train(training, batches, range(1))
    state = training.state()
    moments = [value for each in state["optimiser"]["state"].values() for value in each.values()]
    saved = [*state["model"].values(), *state["average"].values(), *moments, *weights_by_name(training.model).values()]
    assert all(tensor.is_contiguous() for tensor in saved)
    assert not all(parameter.is_contiguous() for parameter in training.model.parameters())


def test_an_update_of_several_batches_takes_the_mean_of_their_gradients(batches: list[Batch]) -> None:
    """As one batch of all their images would: the learning rate means the same however many are accumulated."""
    model = dataclasses.replace(RECIPES["tiny"].model, dn_number=0)  # denoising would draw other noise for each
    torch.manual_seed(0)
    training = TrainingStep(build_model(model.with_classes(3)), CONFIG, DistributedContext(0, 1, torch.device("cpu")))

    def gradient(*parts: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        losses = training.accumulate(parts, 0)
        parameters = [each for group in training.optimiser.param_groups for each in group["params"]]
        return losses, torch.cat([each.grad.flatten() for each in parameters if each.grad is not None])

    (first_losses, first), (second_losses, second) = gradient(batches[0]), gradient(batches[1])
    losses, both = gradient(batches[0], batches[1])
    torch.testing.assert_close(losses, (first_losses + second_losses) / 2)
    torch.testing.assert_close(both, (first + second) / 2, rtol=1e-3, atol=1e-5)
    assert (both - first).abs().max() > 1e-3  # they differ enough to tell


def test_the_gradient_is_cut_to_clip_norm_and_logged_as_it_was(batches: list[Batch]) -> None:
    training = make_training(channels_last=False)
    figures = training.update([batches[0]], 0, steps=6, steps_per_epoch=6).read()
    norms = [each.grad.norm() for each in training.model.parameters() if each.grad is not None]
    assert figures.grad_norm > 2 * CONFIG.clip_norm
    assert float(torch.stack(norms).norm()) == pytest.approx(CONFIG.clip_norm, rel=1e-3)


def test_nothing_changes_from_an_update_on_that_is_not_finite(batches: list[Batch]) -> None:
    """Though the next one is queued before that is known."""
    training, expected = make_training(channels_last=False), make_training(channels_last=False)
    train(expected, batches, range(2))
    broken = batches[2]._replace(images=batches[2].images * float("nan"))
    made = [
        training.update([batch], step, steps=6, steps_per_epoch=6)
        for step, batch in enumerate([*batches[:2], broken, batches[0]])
    ]
    assert [each.read().loss > 0 for each in made[:2]] == [True, True]
    for each, own_loss_is_finite in zip(made[2:], (False, True), strict=True):
        with pytest.raises(NonFiniteStepError) as error:
            each.read()
        assert error.value.own_loss_is_finite is own_loss_is_finite
    torch.testing.assert_close(learned(training), learned(expected), rtol=0, atol=0)


def test_a_gradient_that_is_not_finite_changes_nothing_either(
    batches: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    training = make_training(channels_last=False)
    before = copy.deepcopy(learned(training)[:2])
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *_: torch.tensor(float("inf")))
    figures = training.update([batches[0]], 0, steps=6, steps_per_epoch=6)
    with pytest.raises(NonFiniteStepError) as error:
        figures.read()
    assert error.value.own_loss_is_finite
    torch.testing.assert_close(learned(training)[:2], before, rtol=0, atol=0)
    assert {int(moments["step"]) for moments in learned(training)[2].values()} == {0}


def test_the_average_follows_every_update_before_it_is_seen(batches: list[Batch]) -> None:
    training = make_training(channels_last=False)
    expected = MovingAverage(training.model, CONFIG.ema_decay)
    for step in range(4):
        training.update([batches[step % 3]], step, steps=6, steps_per_epoch=6)
        expected.update(training.model.parameters(), step)
        if step == 1:
            torch.testing.assert_close(training.state()["average"], expected.model.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(training.shipped_model.state_dict(), expected.model.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("asked", [False, True])
def test_figures_tell_whether_a_stop_was_asked_for(batches: list[Batch], asked: bool) -> None:
    figures = make_training(channels_last=False).update([batches[0]], 0, steps=6, steps_per_epoch=6, stop=lambda: asked)
    assert figures.read().stop is asked


def test_the_moving_average_forgets_by_its_decay_and_faster_at_first() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    average = MovingAverage(model, 0.9)
    [mean], [weight] = average.model.parameters(), model.parameters()
    expected = float(mean)
    for step, decay in ((0, 0.1), (1, 2 / 11), (40, 41 / 50), (1000, 0.9)):
        weight.data += 1.0
        average.update([weight], step)
        expected = decay * expected + (1 - decay) * float(weight.detach())
        assert float(mean) == pytest.approx(expected)
    assert not mean.requires_grad
