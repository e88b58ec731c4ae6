"""A step of the state machine: a handler that gets typed parts of the state; its result becomes JSON and is logged."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

from dataset_contract.sanitise import sanitise
from pipeline.aws_errors import key_refusal
from pipeline.errors import PipelineError
from pipeline.execution import Execution
from pipeline.state import read_fields, to_state

Result = TypeVar("Result")

_LOGGED = ("status", "action", "decision", "accepted", "name", "key", "preset", "images", "error", "cause", "sentence")
"""The fields of a result that say what was decided; nothing else of a state is logged."""

_LONGEST_TEXT = 4000
"""Characters of a text in the state: sentences, ARNs, keys."""

_log = logging.getLogger("pipeline.step")
_log.setLevel(logging.INFO)


class Step:
    """What Lambda calls. The names and types of the handler's parameters are those of the parts of the state."""

    def __init__(self, handle: Callable[..., object]) -> None:
        self._handle = handle
        self.name = handle.__module__.rpartition(".")[2]
        """The name of the handler's file, such as check_images."""
        self.parts: dict[str, Any] = get_type_hints(handle)
        """The type of each part that it gets."""
        self.result: Any = self.parts.pop("return")
        """The type of what it returns."""

    def __call__(self, event: Mapping[str, Any], _context: object) -> Any:  # noqa: ANN401 - JSON
        """Read the event, handle it, and return the result as the state machine carries it; each text is one line."""
        execution = Execution.from_context(event["execution"])
        given = {**event, "execution": execution}
        return _shown(to_state(logged(self.name, execution, lambda: self._handle(**read_fields(self.parts, given)))))


def _shown(state: Any) -> Any:  # noqa: ANN401 - JSON
    """`state` with its texts fit for the console, the history and the message, which show them."""
    if isinstance(state, str):
        return sanitise(state, longest=_LONGEST_TEXT)
    if isinstance(state, dict):
        return {_shown(key): _shown(value) for key, value in state.items()}
    return [_shown(item) for item in state] if isinstance(state, list) else state


def logged(step: str, execution: Execution, work: Callable[[], Result]) -> Result:
    """What `work` returns. The log gets its start, what it decided, and its end, each with the execution's name."""

    def say(event: str, **facts: object) -> None:
        _log.info("%s: %s", step, event, extra={"execution": execution.name, "step": step, "event": event, **facts})

    started = time.monotonic()
    say("start", redrive_count=execution.redrive_count)
    try:
        result = work()
    except Exception as raised:
        error = key_refusal(raised) or raised
        cause = sanitise(error, longest=_LONGEST_TEXT)
        say("end", seconds=round(time.monotonic() - started, 3), error=type(error).__name__, cause=cause)
        if isinstance(error, PipelineError):
            error.args = (cause,)  # what Step Functions shows
        if error is not raised:
            raise error from raised
        raise
    decided = {name: getattr(result, name, None) for name in _LOGGED}
    say("decision", decision={name: value for name, value in decided.items() if value is not None})
    say("end", seconds=round(time.monotonic() - started, 3))
    return result
