"""What strict reading of JSON refuses, and that no bytes make it fail in another way."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_contract import strict_json
from dataset_contract.findings import Severity
from dataset_contract.strict_json import parse_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)

WRONG = {
    "empty": (b"", "JSON_EMPTY"),
    "blank": (b" \n\t ", "JSON_EMPTY"),
    "zero bytes": (bytes(100), "JSON_SYNTAX"),
    "truncated in a list": (b'{"images": [1, 2', "JSON_TRUNCATED"),
    "truncated in a text": (b'{"images": "ab', "JSON_TRUNCATED"),
    "truncated after a key": (b'{"images":', "JSON_TRUNCATED"),
    "byte order mark": (b"\xef\xbb\xbf{}", "JSON_BOM"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "JSON_ENCODING"),
    "Latin-1": ('{"a": "Küche"}'.encode("latin-1"), "JSON_ENCODING"),
    "lone surrogate": (b'{"a": ["x", {"b": "\\ud800"}]}', "JSON_LONE_SURROGATE"),
    "lone surrogate in a key": (b'{"\\uDFFF": 1}', "JSON_LONE_SURROGATE"),
    "NaN": (b'{"a": NaN}', "JSON_NOT_A_NUMBER"),
    "Infinity": (b'{"a": Infinity}', "JSON_NOT_A_NUMBER"),
    "-Infinity": (b'{"a": [-Infinity]}', "JSON_NOT_A_NUMBER"),
    "duplicate key": (b'{"a": {"b": 1, "c": 2, "b": 1}}', "JSON_DUPLICATE_KEY"),
    "trailing data": (b"{} {}", "JSON_TRAILING_DATA"),
    "trailing zero bytes": (b"{}\0\0", "JSON_TRAILING_DATA"),
    "deep lists": (b"[" * 100_000, "JSON_TOO_DEEP"),
    "deep objects": (b'{"a":' * 100_000, "JSON_TOO_DEEP"),
    "huge integer": (b"[" + b"9" * 5000 + b"]", "JSON_NUMBER_TOO_LONG"),
    "Python": (b"{'a': None}", "JSON_SYNTAX"),
    "comment": (b"{} // none", "JSON_TRAILING_DATA"),
    "trailing comma": (b'{"a": [1,]}', "JSON_SYNTAX"),
    "control character": (b'{"a": "\n"}', "JSON_SYNTAX"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_strict_json_is_an_error(case: str) -> None:
    data, code = WRONG[case]
    _, findings = parse_json(data, file="some.json")
    assert [finding.code for finding in findings] == [code]
    assert findings[0].severity is Severity.ERROR
    assert "some.json" in findings[0].message
    assert findings[0].fix


def test_a_surrogate_pair_is_a_character() -> None:
    assert parse_json(b'"\\ud83d\\ude00"', file="a") == ("\N{GRINNING FACE}", [])


def test_a_file_over_the_size_cap_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strict_json, "MAX_BYTES", 10)
    value, findings = parse_json(b'["1234567890"]', file="a")
    assert value is None
    assert [finding.code for finding in findings] == ["JSON_TOO_LARGE"]


def test_a_position_is_named_for_an_editor() -> None:
    _, findings = parse_json(b'{\n"a": 1,\n"b" 2}', file="a.json")
    assert "line 3, column 5" in findings[0].message


@given(JSON)
def test_sound_json_is_read_as_it_is(value: object) -> None:
    data = json.dumps(value, ensure_ascii=False).encode()
    assert parse_json(data, file="a") == (value, [])


# What a file that repeats a key may hold besides: texts that look like keys and objects, and room around a colon.
LOOKS_LIKE_A_KEY = st.sampled_from(["plain", '":', ":", "{", '{"a": 1}', "12:30", "\\"])
COLONS = st.sampled_from([":", " : ", "\t:", "\n :\r\n"])


def _spelled(value: object, colons: list[str]) -> str:
    """`value` as JSON with these colons, each used in turn."""
    if isinstance(value, dict):
        pairs = (
            f"{json.dumps(key)}{colons[len(key) % len(colons)]}{_spelled(item, colons)}" for key, item in value.items()
        )
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{','.join(_spelled(item, colons) for item in value)}]"
    return json.dumps(value)


@given(
    st.recursive(
        LOOKS_LIKE_A_KEY | st.integers(0, 9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LOOKS_LIKE_A_KEY, inner, max_size=3),
        max_leaves=12,
    ),
    st.lists(COLONS, min_size=1, max_size=3),
    st.sampled_from(["1", "{}", '":"', '{"a": {"b": [{}]}}']),
    st.booleans(),
)
def test_a_key_that_is_there_twice_is_found_whatever_else_there_is(
    value: object, colons: list[str], first: str, nested: bool
) -> None:
    rest = _spelled(value, colons)
    sound = f'{{"rest"{colons[0]}{rest},"twice"{colons[0]}{first}}}'
    twice = f'{sound[:-1]},"twice"{colons[-1]}2}}'
    if nested:
        sound, twice = f"[1,[{sound}]]", f"[1,[{twice}]]"
    assert parse_json(sound.encode(), file="a") == (json.loads(sound), [])
    assert [finding.code for finding in parse_json(twice.encode(), file="a")[1]] == ["JSON_DUPLICATE_KEY"]


@given(st.binary(max_size=200))
def test_no_bytes_cause_an_exception(data: bytes) -> None:
    value, findings = parse_json(data, file="a")
    try:
        expected = json.loads(data.decode("utf-8"))
    except ValueError:
        expected = None
    assert value == expected or findings


@given(JSON, st.data())
def test_a_cut_document_is_never_taken_for_whole(value: object, data: st.DataObject) -> None:
    text = json.dumps({"a": value}).encode()
    cut = data.draw(st.integers(0, len(text) - 1))
    _, findings = parse_json(text[:cut], file="a")
    assert findings


@pytest.mark.parametrize("spare", [20, 60, 200])
def test_deep_nesting_is_a_finding_wherever_the_stack_stands(spare: int) -> None:
    def dive(levels: int) -> list[str]:
        if levels:
            return dive(levels - 1)
        return [finding.code for finding in parse_json(b"[" * 100_000 + b"]" * 100_000, file="a")[1]]

    here = len(__import__("inspect").stack())
    assert dive(max(0, sys.getrecursionlimit() - here - 200 - spare)) == ["JSON_TOO_DEEP"]
