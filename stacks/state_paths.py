"""JSONPaths into the state that an execution carries. One that its dataclasses do not have fails the synthesis."""

from dataclasses import is_dataclass
from typing import Any, Literal, get_args, get_origin

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from pipeline.ending.execution_state import ExecutionState
from pipeline.state import hints, without_none


def type_at(place: str) -> Any:  # noqa: ANN401 - a type hint
    """The type of what is at `place`, such as watch.action, apart from None."""
    hint: Any = ExecutionState
    for name in place.split("."):
        names = hints(hint) if is_dataclass(hint) and isinstance(hint, type) else {}
        if name not in names:
            raise ValueError(f"The state has no $.{place}: {hint} has no field {name}, only {', '.join(names)}.")
        hint = without_none(names[name])
    return hint


def path(place: str) -> str:
    """The JSONPath of `place`; fails if the state has no such field."""
    type_at(place)
    return f"$.{place}"


def equals(place: str, value: str) -> sfn.Condition:
    """That a field, which must be one that can have this value, has it."""
    _check(place, value)
    return sfn.Condition.string_equals(path(place), value)


def is_true(place: str) -> sfn.Condition:
    """That a field, which must be a bool, is true."""
    assert type_at(place) is bool, place
    return sfn.Condition.boolean_equals(path(place), True)


def set_to(scope: Construct, name: str, place: str, value: str, *, comment: str) -> sfn.Pass:
    """A state that sets a field to one of its values."""
    _check(place, value)
    return sfn.Pass(scope, name, comment=comment, result=sfn.Result.from_string(value), result_path=path(place))


def copy(scope: Construct, name: str, source: str, to: str, *, comment: str) -> sfn.Pass:
    """A state that copies a field to another one of the same type."""
    assert type_at(source) is type_at(to), (source, to)
    return sfn.Pass(scope, name, comment=comment, input_path=path(source), result_path=path(to))


def _check(place: str, value: str) -> None:
    hint = type_at(place)
    if get_origin(hint) is not Literal or value not in get_args(hint):
        raise ValueError(f"$.{place} is never {value!r}: it is {hint}.")
