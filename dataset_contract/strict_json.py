"""Strict reading of JSON: what json.loads lets pass silently becomes a finding, and no bytes cause a traceback."""

from __future__ import annotations

import gc
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, NoReturn, TypeGuard

from dataset_contract.findings import Finding, FindingLog
from dataset_contract.sanitise import short

MAX_BYTES = 512 << 20
"""The largest JSON file that is read at all; COCO train2017's annotations, the largest in wide use, have 450 MB."""

MAX_ID = 2**53 - 1
"""The largest integer that every JSON reader keeps exact."""
_BEYOND = float(2**53)

_BOM = b"\xef\xbb\xbf"
_KEY_END = re.compile(r'"\s*:')
_NESTED = frozenset((dict, list))
_NUMBERS = frozenset((int, float))
_BEYOND_16_BITS = re.compile(rb"[\xf0-\xff]")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_WRITE_AGAIN = "Write the file again with a JSON library; do not edit it by hand."


def parse_json(
    data: bytes,
    *,
    file: str,
    split: str | None = None,
    on_object: Callable[[dict[str, Any]], object] | None = None,
) -> tuple[Any, list[Finding]]:
    """The value that `data` holds, and what is wrong with its JSON.

    The value is None if it could not be read, which is an error finding always (as is a top-level `null`).
    `on_object` is called with every JSON object right after it was read, and may change it in place.
    """
    found = FindingLog(split=split, file=file)
    value = _parse(data, file, found, on_object)
    return value, found.findings()


def _parse(data: bytes, file: str, found: FindingLog, on_object: Callable[[dict[str, Any]], object] | None) -> object:
    text = _decode(data, file, found)
    if text is None:
        return None
    repeated: list[str] = []
    try:
        value = json.loads(text, parse_constant=_refuse_constant) if on_object is None else None
        if on_object is not None or not _has_every_key(value, text):
            value = None  # not twice in memory
            value = json.loads(
                text, object_pairs_hook=_object_reader(repeated, on_object), parse_constant=_refuse_constant
            )
    except _NotANumberError as error:
        found.error(
            "JSON_NOT_A_NUMBER",
            f"{file} holds the value {error}, which is not JSON.",
            "Find the computation that produced it, and write the file again.",
        )
        return None
    except json.JSONDecodeError as error:
        _log_syntax(error, text, file, found)
        return None
    except RecursionError:
        found.error("JSON_TOO_DEEP", f"{file} is nested too deeply to be a data set's file.", _WRITE_AGAIN)
        return None
    except ValueError:  # Python's limit on the digits of an integer
        found.error("JSON_NUMBER_TOO_LONG", f"{file} holds an integer of thousands of digits.", _WRITE_AGAIN)
        return None
    for key in repeated:
        found.error("JSON_DUPLICATE_KEY", f"{file} has the key {key} twice in one object.", _WRITE_AGAIN)
    half = _lone_surrogate(value) if _SURROGATE_ESCAPE.search(data) else None
    if half is not None:
        found.error(
            "JSON_LONE_SURROGATE", f"{file} holds half of a character: {short(half)}.", "Write that text again."
        )
    return value if half is None else None  # such a text can be neither printed nor written again


def is_too_large(size: int, file: str, found: FindingLog) -> bool:
    """Whether a JSON file of `size` bytes is refused unread; a finding says so."""
    if size > MAX_BYTES:
        found.error(
            "JSON_TOO_LARGE",
            f"{file} has {size:,} bytes, more than the {MAX_BYTES:,} that are read.",
            "Leave out what training does not need, such as polygons.",
        )
    return size > MAX_BYTES


def json_size(data: bytes) -> int:
    """How much memory `data` may take while it is parsed, in units of 60 bytes: about its number of values.

    A value takes one unit at most, an object three besides; each character of the text takes up to 4 bytes, by the
    widest one in it.
    """
    values = data.count(b",") + data.count(b"[") + 3 * data.count(b"{")
    wider = 0 if data.isascii() else 3 if _BEYOND_16_BITS.search(data) else 1
    return values + wider * len(data) // 60


def _decode(data: bytes, file: str, found: FindingLog) -> str | None:
    if is_too_large(len(data), file, found):
        return None
    if data.startswith(_BOM):
        found.error("JSON_BOM", f"{file} starts with a byte order mark.", "Save the file as UTF-8 without BOM.")
        data = data[len(_BOM) :]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        found.error("JSON_ENCODING", f"{file} is not UTF-8: byte {error.start:,} is wrong.", "Save the file as UTF-8.")
        return None
    if not text or text.isspace():
        found.error("JSON_EMPTY", f"{file} is empty.", "Write the file again: its writing was interrupted.")
        return None
    return text


def _log_syntax(error: json.JSONDecodeError, text: str, file: str, found: FindingLog) -> None:
    place = f"{file}, line {error.lineno:,}, column {error.colno:,}"
    if error.msg.startswith("Extra data"):
        found.error("JSON_TRAILING_DATA", f"{place}: something follows after the end of the JSON value.", _WRITE_AGAIN)
    elif error.msg.startswith("Unterminated string") or not text[error.pos :].strip():
        found.error("JSON_TRUNCATED", f"{file} breaks off after {len(text):,} characters.", "Copy or write it again.")
    else:
        found.error("JSON_SYNTAX", f"{place}: not JSON ({error.msg}).", _WRITE_AGAIN)


def _has_every_key(value: object, text: str) -> bool:
    """Whether the objects in `value` have as many keys as `text` can hold, so that no key occurred twice.

    A hook sees each key, but takes longer than all the rest of reading. A sound file may be denied (a text in it
    looks like a key), one with a repeated key is never passed: `text` has a colon for each key, and a brace for each
    object, those within texts come on top.
    """
    keys, unseen, level = 0, text.count("{"), [value]
    while level and unseen:  # level by level of nesting, each by what runs in C
        objects = [item for item in level if type(item) is dict]
        keys += sum(map(len, objects))
        unseen -= len(objects)
        if unseen:
            lists = [item for item in level if type(item) is list]
            inner = chain(chain.from_iterable(map(dict.values, objects)), chain.from_iterable(lists))
            level = [item for item in inner if type(item) in _NESTED]
    return keys == text.count(":") or keys == sum(1 for _ in _KEY_END.finditer(text))


def _object_reader(
    repeated: list[str], on_object: Callable[[dict[str, Any]], object] | None
) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """The hook that makes an object of its keys and values; a key that an object has twice is added to `repeated`."""

    def read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            counts = Counter(key for key, _ in pairs)
            repeated.append(short(next(key for key, count in counts.items() if count > 1)))
        if on_object is not None:
            on_object(value)
        return value

    return read_object


def _lone_surrogate(value: object) -> str | None:
    """The first text with half of a surrogate pair in `value`, keys included."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            try:
                item.encode("utf-8")
            except UnicodeEncodeError:
                return item
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            waiting.extend(item)
            waiting.extend(item.values())
    return None


class _NotANumberError(Exception):
    """NaN, Infinity or -Infinity was met."""


def _refuse_constant(name: str) -> NoReturn:
    raise _NotANumberError(name)


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether a JSON value can be a coordinate: not a truth value, NaN, infinite, or a huge integer."""
    return type(value) in _NUMBERS and -_BEYOND < value < _BEYOND  # type: ignore[operator]


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """For reading large files: of millions of new objects none is garbage, yet the collector would walk them all."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
