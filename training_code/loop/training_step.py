"""One update of the weights: forward and backward passes, the check that all is finite, and the optimiser's step."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from training_code.config import TrainingConfig
from training_code.data.batches import Batch
from training_code.dino.criterion import Criterion
from training_code.dino.model import DINO
from training_code.dino.precision import mixed_precision
from training_code.job.distributed import DistributedContext
from training_code.loop.compiled_model import compiled
from training_code.loop.optimisation import MovingAverage, learning_rate_factor, make_optimiser, set_learning_rate
from training_code.loop.step_figures import PendingFigures


class TrainingStep:
    """The model with all that changes it."""

    def __init__(self, model: DINO, config: TrainingConfig, distributed: DistributedContext) -> None:
        self.model = model.to(distributed.device)
        if distributed.device.type == "cuda":
            # Tensor cores take convolutions' channels last; the feature maps follow the weights.
            self.model.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a module takes it
        self.optimiser = make_optimiser(self.model, config)
        # 1 from the first update on that is not finite: neither it nor a later one changes anything. It stays on the
        # device, so that the optimiser need not wait for the host, nor the host for the device.
        self._found_inf = torch.zeros((), dtype=torch.float32, device=distributed.device)
        self._no_scale = torch.ones_like(self._found_inf)
        self.optimiser.found_inf = self._found_inf  # type: ignore[attr-defined]  # as torch.amp.GradScaler sets it
        self._pending: PendingFigures | None = None
        self._average = MovingAverage(self.model, config.ema_decay) if config.ema_decay else None
        self._criterion = Criterion(model.config, distributed.mean)
        self._config = config
        self._distributed = distributed
        self._network: nn.Module = compiled(self.model) if config.torch_compile else self.model
        if distributed.world_size > 1:
            # No buffer changes in training, and gradients that lie in the buckets need not be copied into them.
            self._network = DistributedDataParallel(
                self._network, forward_sync_buffers=False, gradient_as_bucket_view=True
            )

    @property
    def shipped_model(self) -> DINO:
        """The model to evaluate and ship: the moving average where there is one."""
        self._move_average()
        return self._average.model if self._average else self.model  # type: ignore[return-value]  # a copy of a DINO

    def update(
        self,
        batches: Sequence[Batch],
        step: int,
        *,
        steps: int,
        steps_per_epoch: int,
        early_drop_epoch: int | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> PendingFigures:
        """Queue update number `step` (from 0) of `steps` from accumulation_steps batches.

        One that is not finite changes nothing, nor does any after it; its figures tell when they are read.
        `stop` says after the gradient whether this process was asked to stop, and the figures tell every process.
        The other arguments are those of learning_rate_factor().

        Random numbers depend on seed, step and rank only, so there is no random state to save.
        """
        factor = learning_rate_factor(
            step,
            steps=steps,
            steps_per_epoch=steps_per_epoch,
            config=self._config,
            early_drop_epoch=early_drop_epoch,
        )
        rate = set_learning_rate(self.optimiser, factor)
        figures = self.accumulate(batches, step)
        parameters = [parameter for group in self.optimiser.param_groups for parameter in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, self._config.clip_norm)
        means = self._distributed.mean(torch.cat([figures, norm[None], figures.new_full((1,), stop())]))
        torch._amp_foreach_non_finite_check_and_unscale_([means], self._found_inf, self._no_scale)
        self._move_average()
        self.optimiser.step()
        self._pending = PendingFigures(step, rate, figures[:1], means, self._found_inf)
        return self._pending

    def _move_average(self) -> None:
        """Move the average after the last update, if that was finite and this was not done yet.

        update() calls it before the weights move on: the matching of its own batch has waited for the update before.
        """
        if self._pending and self._average and not self._pending.skipped:
            self._average.update(self.model.parameters(), self._pending.step)
        self._pending = None

    def accumulate(self, batches: Sequence[Batch], step: int) -> Tensor:
        """Leave the gradient of `batches` in the parameters; returns the mean total, class, box and GIoU loss (4,)."""
        if not self.model.training:  # else each of its modules would be told again
            self._network.train()
        self.optimiser.zero_grad(set_to_none=True)
        state = np.random.SeedSequence([self._config.seed, step, self._distributed.rank]).generate_state(1, np.uint64)
        torch.manual_seed(int(state[0]))
        sums = torch.zeros(4, device=self._distributed.device)
        for index, batch in enumerate(batches):
            with self._synchronised_only_at(index == len(batches) - 1):
                with mixed_precision(self._distributed.device, self._config.precision):
                    outputs = self._network(batch.images, batch.mask, batch.targets)
                losses = self._criterion(outputs, batch.targets)
                total = self._criterion.total(losses)
                (total / len(batches)).backward()  # type: ignore[no-untyped-call]  # PyTorch gives it no types
            parts = [total, losses["loss_ce"], losses["loss_bbox"], losses["loss_giou"]]
            sums += torch.stack([part.detach() for part in parts])
        return sums / len(batches)

    def _synchronised_only_at(self, last: bool) -> contextlib.AbstractContextManager[Any]:
        """DDP exchanges gradients in the last backward pass of an update only."""
        if isinstance(self._network, DistributedDataParallel) and not last:
            return self._network.no_sync()
        return contextlib.nullcontext()

    def state(self) -> dict[str, Any]:
        """All that a resumed training needs to learn the same; independent of the weights' layout in memory."""
        self._move_average()
        average = self._average.model.state_dict() if self._average else {}
        state = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(), "average": average}
        return {name: _row_by_row(value) for name, value in state.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what state() gave."""
        self._pending = None
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        for parameter, moments in self.optimiser.state.items():
            for name, moment in moments.items():
                if moment.shape == parameter.shape:  # the fused step takes a weight and its moments in one layout
                    moments[name] = torch.empty_like(parameter).copy_(moment)
        if self._average:
            self._average.model.load_state_dict(state["average"])


def _row_by_row(value: Any) -> Any:  # noqa: ANN401  a state dict holds what it likes
    """`value` with every tensor in it in the usual layout, whatever it has in memory."""
    if isinstance(value, dict):
        return {key: _row_by_row(part) for key, part in value.items()}
    return value.contiguous() if isinstance(value, Tensor) else value
