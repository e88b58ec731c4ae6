"""Strategies for the JSON values of any setting of a training, by its type and range, whichever there are."""

from typing import Any, Literal, get_args, get_origin

from hypothesis import strategies as st

from training_code.config import NOT_ZERO, TRAINING_RANGES
from training_code.training_settings import SETTINGS


def json_value(name: str) -> st.SearchStrategy[Any]:
    """JSON values that suit the type of the setting and its range."""
    return _of(SETTINGS[name], name)


def _of(kind: Any, name: str) -> st.SearchStrategy[Any]:
    least, most = TRAINING_RANGES.get(name, (0, 0))
    if type(None) in get_args(kind):
        return st.none() | _of(next(each for each in get_args(kind) if each is not type(None)), name)
    if get_origin(kind) is Literal:
        return st.sampled_from(get_args(kind))
    if get_origin(kind) is tuple:
        first, *more = get_args(kind)
        size = (0, 30) if Ellipsis in more else (len(more) + 1, len(more) + 1)
        return st.lists(_of(first, name), min_size=size[0], max_size=size[1])
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(int(least), int(most))
    return st.floats(least, most, exclude_min=name in NOT_ZERO) | st.integers(int(least) + 1, max(int(most), 1))
