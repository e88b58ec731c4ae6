"""Turns what travels from state to state into JSON and back into dataclasses, by their type hints."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from pipeline.errors import DeploymentChanged

T = TypeVar("T")


def to_state(part: object) -> Any:  # noqa: ANN401 - JSON
    """`part`, a dataclass or a part of one, as the state machine carries it."""
    if is_dataclass(part):
        return {field.name: to_state(getattr(part, field.name)) for field in fields(part)}
    if isinstance(part, Mapping):
        return {key: to_state(value) for key, value in part.items()}
    return [to_state(item) for item in part] if isinstance(part, tuple) else part


def from_state(cls: type[T], state: object, *, place: str = "$") -> T:
    """What to_state() made of a `cls`. Keys that it does not know are ignored, missing ones take their defaults.

    Raises DeploymentChanged for a missing field without a default and for a value of another type: functions of this
    deployment write neither. `place` is the JSONPath of `state`, for the error's sentence.
    """
    part: T = _read(cls, state, place)
    return part


def read_fields(types: Mapping[str, Any], state: Mapping[str, Any], place: str = "$") -> dict[str, Any]:
    """The values of `types`, name -> type hint, in `state`. Raises DeploymentChanged."""
    for name in types:
        if name not in state:
            raise _written_by_another(f"{place}.{name} is missing")
    return {name: _read(hint, state[name], f"{place}.{name}") for name, hint in types.items()}


def hints(cls: type[Any]) -> dict[str, Any]:
    """The types of a dataclass's fields, by their names."""
    types = get_type_hints(cls)
    return {field.name: types[field.name] for field in fields(cls)}


def without_none(hint: Any) -> Any:  # noqa: ANN401 - a type hint
    """T of T | None, and of T."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    (only,) = (each for each in get_args(hint) if each is not NoneType)
    return only


def _read(hint: Any, value: Any, place: str) -> Any:  # noqa: ANN401 - JSON
    if value is None and NoneType in get_args(hint):
        return None
    hint = without_none(hint)
    origin, args = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, Mapping):
        absent = {
            field.name
            for field in fields(hint)
            if field.name not in value and not field.default is field.default_factory is MISSING
        }
        return hint(**read_fields({name: of for name, of in hints(hint).items() if name not in absent}, value, place))
    if origin is tuple and isinstance(value, list):
        return tuple(_read(args[0], item, f"{place}[{index}]") for index, item in enumerate(value))
    if origin is Mapping and isinstance(value, Mapping):
        return {key: _read(args[1], item, f"{place}[{key!r}]") for key, item in value.items()}
    if hint is float and type(value) is int:
        return float(value)
    if (value in args) if origin is Literal else (hint in (object, type(value))):
        return value
    raise _written_by_another(f"{place} is of another type")


def _written_by_another(problem: str) -> DeploymentChanged:
    return DeploymentChanged(f"The state was written by another deployment ({problem}): start a new execution.")
