"""JSON that others may have written, such as an object in S3: read within limits of size, depth and numbers.

strict_json.py reads the files of a data set, which are large, and says all that is wrong with them.
"""

from __future__ import annotations

import json
import math
from itertools import chain
from typing import Any, NoReturn, Protocol

from dataset_contract.sanitise import short

DEEPEST = 20
"""Levels of nesting: no object of this project has more than seven."""
MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader keeps exact, so that a float can hold it."""


class JsonError(ValueError):
    """The JSON is not acceptable; the message is a clause about it, such as "it is not UTF-8"."""


class Body(Protocol):
    """What can be read piece by piece: a file, or the body of S3's answer."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


def read_at_most(body: Body, most: int) -> bytes:
    """All of `body`, of which no more than `most` bytes are kept. Raises JsonError if it has more."""
    parts: list[bytes] = []
    left = most + 1
    while left and (part := body.read(left)):
        parts.append(part)
        left -= len(part)
    if not left:
        raise JsonError(f"it has more than {most:,} bytes")
    return b"".join(parts)


def read_json(body: Body, *, most: int, deepest: int = DEEPEST) -> Any:  # noqa: ANN401 - any JSON value
    """The value in `body`, of at most `most` bytes. Raises JsonError, as parse_bounded() does."""
    return parse_bounded(read_at_most(body, most), deepest=deepest)


def parse_bounded(text: bytes | str, *, deepest: int = DEEPEST) -> Any:  # noqa: ANN401 - any JSON value
    """The value that `text`, which is UTF-8, holds.

    Raises JsonError if it is not JSON, has a key twice, is nested more than `deepest` levels, or holds a number that is
    infinite, not a number, or an integer beyond MAX_INTEGER.
    """
    try:
        value = json.loads(
            text.decode() if isinstance(text, bytes) else text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError:
        raise JsonError("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise JsonError(f"it is not JSON ({error})") from None
    except RecursionError:
        raise JsonError("it is nested too deeply") from None
    check_values(value, deepest=deepest)
    return value


def check_values(value: object, *, deepest: int = DEEPEST) -> None:
    """Raise JsonError as parse_bounded() does, of a JSON value that something else has read."""
    level = [value]
    for _ in range(deepest + 1):
        for item in level:
            if isinstance(item, str):
                _check_text(item)
            elif isinstance(item, int | float):
                _check_number(item)
        objects = [item for item in level if isinstance(item, dict)]
        lists = [item for item in level if isinstance(item, list)]
        if not objects and not lists:
            return
        level = list(chain(*objects, *(item.values() for item in objects), *lists))
    raise JsonError("it is nested too deeply")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise JsonError("it has a key twice in one object")
    return value


def _integer(digits: str) -> int:
    if len(digits) > 20:  # int() refuses thousands of digits with a sentence of its own
        raise JsonError("it holds an integer beyond 2^53")
    return int(digits)


def _check_number(number: float) -> None:
    if isinstance(number, float) and not math.isfinite(number):
        raise JsonError("it holds a number that is not finite")
    if isinstance(number, int) and abs(number) > MAX_INTEGER:
        raise JsonError("it holds an integer beyond 2^53")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise JsonError(f"it holds half of a character: {short(text)}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise JsonError(f"it holds {name}")
