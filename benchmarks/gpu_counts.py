"""Counts what a GPU would have to do, on fake tensors: kernels, what the host waits for, what is kept for gradients.

Only tensors on "cuda" are fake; those on the CPU are real, so that code may compute with them. What is read from the
GPU is 0. The process must have been started in fake_cuda.environment().
"""

# ruff: noqa: ANN401  a mode gets operators and arguments of any kind
from __future__ import annotations

import json
import linecache
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn
from unittest import mock

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils import _foreach_utils
from torch.utils._python_dispatch import TorchDispatchMode  # public in all but its path
from torch.utils._pytree import tree_leaves, tree_map_only

from benchmarks.measuring import ROOT

_CODE = f"{ROOT / 'training_code'}/"
_PHASE_OF = {
    "/criterion.py": "criterion",
    "/matcher.py": "criterion",
    "/torch/optim/": "update",
    "/optimisation.py": "update",
    "/clip_grad.py": "update",
    "/batches.py": "data",
}
PHASES = ("data", "forward", "criterion", "backward", "update")
LAUNCHES = {"floorplan_dino::sample": 2, "floorplan_dino::sample_backward": 3}
"""Kernels of our own operators in their form for Triton: with the cast to bf16 and the zeros that gradients add to."""
NOT_LAUNCHED = frozenset({"_unsafe_view", "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"})
"""Operators that compute nothing, beside views."""


@dataclass
class Counts:
    """What a stretch of a program asked of the GPU."""

    kernels: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Operators that compute on the GPU, by phase, line of our code and name. Most launch one kernel; sorting,
    convolutions with a bias and operators over lists of tensors launch more."""
    synchronisations: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What makes the host wait for the GPU, by what it is and the line of our code."""

    def phase(self, name: str) -> int:
        """Kernels of a phase."""
        return sum(number for (phase, _, _), number in self.kernels.items() if phase == name)


class FakeGpu(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch gives modes no types
    """Runs operators on fake tensors for those on "cuda", and counts them in `counts`, which may be replaced."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts = Counts()
        self.waits = 0
        """Synchronisations so far, whatever `counts` is: what was queued before one is done after it."""
        self._fake = FakeTensorMode()
        self._pinned: dict[int, Tensor] = {}  # by address; kept, so that no other tensor gets the address

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = func._schema.name.removeprefix("aten::")
        leaves = tree_leaves((args, kwargs))
        to = kwargs.get("device")
        on_gpu = any(isinstance(leaf, FakeTensor) for leaf in leaves)
        if not on_gpu and (to is None or torch.device(to).type != "cuda"):
            return self._on_host(name, func, args, kwargs)
        if (reason := self._synchronises(name, func, args, kwargs)) is not None:
            self.wait(reason)
        if name == "_local_scalar_dense":
            return args[0].dtype.is_floating_point * 0.0
        if name == "_to_copy" and to is not None and torch.device(to).type == "cpu":
            return torch.zeros(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype)
        if name == "copy_" and not isinstance(args[0], FakeTensor):
            return args[0]
        faked_args, faked_kwargs = tree_map_only(Tensor, self._faked, (args, kwargs))
        with self._fake:
            result = func(*faked_args, **faked_kwargs)
        self._count(name, func, args, result)
        return result

    def wait(self, reason: str) -> None:
        """Count that the host waits for the GPU."""
        self.waits += 1
        self.counts.synchronisations[reason, _line()] += 1

    def _on_host(self, name: str, func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """An operator on the CPU, whose memory may be pinned: what a copy to the GPU need not wait for."""
        if name == "is_pinned":
            return args[0].untyped_storage().data_ptr() in self._pinned
        pins = name == "_pin_memory" or kwargs.get("pin_memory", False)
        if kwargs.get("pin_memory"):
            kwargs["pin_memory"] = False
        result = args[0].clone() if name == "_pin_memory" else func(*args, **kwargs)
        if pins:
            self._pinned[result.untyped_storage().data_ptr()] = result
        return result

    def _synchronises(self, name: str, func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str | None:
        """What the host waits for in this operator, if it does."""
        if name == "_to_copy":
            return self._copy_synchronises(args[0], kwargs.get("device"), kwargs.get("non_blocking", False))
        if name == "copy_":
            return self._copy_synchronises(args[1], args[0].device, kwargs.get("non_blocking", args[2:] == (True,)))
        if name in {"index", "index_put", "index_put_", "_index_put_impl_"}:
            indices = [index for index in tree_leaves(args[1]) if isinstance(index, Tensor)]
            if any(not isinstance(index, FakeTensor) for index in indices):
                return f"{name} copies its indices from the host"
            masked = any(index.dtype in {torch.bool, torch.uint8} for index in indices)
            return f"{name} counts its mask" if masked else None
        looks = {torch.Tag.dynamic_output_shape, torch.Tag.data_dependent_output}
        return f"{name} looks at the numbers" if looks.intersection(func.tags) else None

    def _copy_synchronises(self, source: Tensor, to: Any, non_blocking: bool) -> str | None:
        from_gpu = isinstance(source, FakeTensor)
        to_gpu = from_gpu if to is None else torch.device(to).type == "cuda"
        if from_gpu and not to_gpu and not non_blocking:
            return "a tensor is copied to the host"
        if to_gpu and not from_gpu and not (non_blocking and self._is_pinned(source)):
            return "a tensor is copied from the host"
        return None

    def _is_pinned(self, tensor: Tensor) -> bool:
        return tensor.untyped_storage().data_ptr() in self._pinned

    def _faked(self, tensor: Tensor) -> Tensor:
        return tensor if isinstance(tensor, FakeTensor) else self._fake.from_tensor(tensor)

    def _count(self, name: str, func: Any, args: Sequence[Any], result: Any) -> None:
        """Count what was launched: not views, and nothing for empty tensors."""
        written = [leaf for leaf in tree_leaves(result) if isinstance(leaf, FakeTensor)]
        if not written and func._schema.is_mutable:
            written = [leaf for leaf in tree_leaves(args) if isinstance(leaf, FakeTensor)]
        if name in NOT_LAUNCHED or _is_view(func) or not any(tensor.numel() for tensor in written):
            return
        phase, line = _phase_and_line()
        self.counts.kernels[phase, line, name] += LAUNCHES.get(name, 1)


@contextmanager
def fake_gpu(counting: FakeGpu | None = None) -> Iterator[FakeGpu]:
    """Inside, "cuda" is a device with bf16, and counts as `counting` does."""
    mode = counting or FakeGpu()

    class Event:
        """torch.cuda.Event, which a build for the CPU lacks; it has passed once the host has waited for the GPU."""

        def __init__(self, **_: bool) -> None: ...
        def record(self, stream: object = None) -> None:
            self._waits_before = mode.waits

        def query(self) -> bool:
            return mode.waits > self._waits_before

        def synchronize(self) -> None:
            if not self.query():
                mode.wait("an event is waited for")

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(torch.cuda, "_lazy_init", lambda: None))
        stack.enter_context(mock.patch.object(torch.cuda, "is_available", lambda: True))
        stack.enter_context(mock.patch.object(torch.cuda, "is_bf16_supported", lambda *_, **__: True))
        stack.enter_context(mock.patch.object(torch.cuda, "Event", Event))
        stack.enter_context(mock.patch.object(nn.Module, "_apply", _replace_tensors))
        # Or what is done to a list of them at once on a GPU would be done to each.
        stack.enter_context(
            mock.patch.object(_foreach_utils, "_foreach_supported_types", [Tensor, nn.Parameter, FakeTensor])
        )
        # Autograd then remembers which line made what it differentiates.
        stack.enter_context(torch.autograd.set_detect_anomaly(True, check_nan=False))
        # Its own reads each number of a list for itself.
        stack.enter_context(mock.patch.object(FakeTensor, "tolist", lambda self: self.cpu().tolist()))
        lifts = torch._C._only_lift_cpu_tensors()
        torch._C._set_only_lift_cpu_tensors(True)  # or torch.tensor(..., device="cuda") would ask the real device
        stack.callback(torch._C._set_only_lift_cpu_tensors, lifts)
        stack.enter_context(mode)
        yield mode


def print_and_exit(counted: object) -> NoReturn:
    """Print JSON and end the process at once: autograd's thread for the fake device aborts it if it ends as usual."""
    print(json.dumps(counted), flush=True)
    os._exit(0)


@contextmanager
def saved_bytes(known: Iterable[Tensor]) -> Iterator[list[int]]:
    """The bytes of all that autograd keeps of the block, in a list of one; without the storages of `known`."""
    own = {tensor.untyped_storage()._cdata for tensor in known}
    kept: dict[int, Tensor] = {}
    total: list[int] = []

    def keep(x: Tensor) -> Tensor:
        if x.device.type == "cuda" and x.untyped_storage()._cdata not in own:
            kept[x.untyped_storage()._cdata] = x
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        yield total
    total.append(sum(x.untyped_storage().nbytes() for x in kept.values()))


def _replace_tensors(module: nn.Module, change: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """What Module.to() does, whose own way refuses fake tensors that modules share."""
    changed: dict[nn.Parameter, nn.Parameter] = {}
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                if parameter not in changed:
                    with torch.no_grad():
                        changed[parameter] = nn.Parameter(change(parameter), parameter.requires_grad)
                part._parameters[name] = changed[parameter]
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = change(buffer)
    return module


def _is_view(func: Any) -> bool:
    aliases = (argument.alias_info for argument in func._schema.arguments)
    return any(alias is not None and not alias.is_write for alias in aliases)


def _line() -> str:
    return _phase_and_line()[1]


def _phase_and_line() -> tuple[str, str]:
    """The phase of a training step, and the innermost line of our code; backwards, the line whose gradient it is."""
    if threading.current_thread() is not threading.main_thread():
        return "backward", _line_of_gradient()
    phase, line = "forward", ""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not line and file.startswith(_CODE):
            source = linecache.getline(file, frame.f_lineno).strip()
            line = f"{file.removeprefix(_CODE)}:{frame.f_lineno}: {source}"
        phase = next((name for part, name in _PHASE_OF.items() if part in file), phase)
        frame = frame.f_back  # type: ignore[assignment]
    return phase, line


def _line_of_gradient() -> str:
    node = torch._C._current_autograd_node()
    metadata: Any = node.metadata if node is not None else {}
    entries = metadata.get("traceback_", [])
    for entry in reversed(entries):
        place, _, source = entry.strip().partition("\n")
        file, number = place.split('"')[1], place.split(", line ")[1].split(",")[0]
        if file.startswith(_CODE):
            return f"{file.removeprefix(_CODE)}:{number}: {source.strip()}"
    return f"(where gradients meet: {node.name() if node is not None else 'autograd'})"
