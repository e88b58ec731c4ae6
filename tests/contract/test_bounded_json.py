"""JSON from outside is read within limits, and whatever it is, it is a value or one sentence."""

import json
import tracemalloc
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_contract.bounded_json import DEEPEST, MAX_INTEGER, JsonError, check_values, parse_bounded, read_json

ATTACKS = {
    "deep lists": b"[" * 100_000,
    "deep lists that end": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "somewhat deep": b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1),
    "huge integer": b"1" + b"0" * 400,
    "huge integer in an object": b'{"a": [-1' + b"0" * 400 + b"]}",
    "integer of more digits than int() takes": b"9" * 100_000,
    "integer that a float cannot hold": str(MAX_INTEGER + 1).encode(),
    "infinite": b"1e400",
    "minus infinite": b"[-1e400]",
    "NaN": b"NaN",
    "Infinity": b'{"a": -Infinity}',
    "key twice": b'{"a": 1, "a": 2}',
    "not UTF-8": b'"\xff"',
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": "{}".encode("utf-16"),
    "half of a character": rb'"\ud800"',
    "half of a character as a key": rb'{"\udfff": 1}',
    "NUL": b"\0",
    "empty": b"",
    "cut short": b'{"a": [1, 2',
    "two values": b"{} {}",
    "too large": b" " * 300_000,
}
"""Of at most 250,000 bytes each but the last, which has more."""


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_one_sentence(attack: str) -> None:
    with pytest.raises(JsonError) as refusal:
        read_json(BytesIO(ATTACKS[attack]), most=250_000 if attack == "too large" else 1_000_000)
    assert str(refusal.value).startswith("it ")
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 200


def test_no_more_is_read_than_is_kept() -> None:
    body = BytesIO(b" " * 50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(JsonError, match="it has more than 1,000,000 bytes"):
            read_json(body, most=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert body.tell() == 1_000_001


def test_a_body_that_comes_in_pieces_is_read_whole() -> None:
    class Pieces(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 3))

    assert read_json(Pieces(b'{"a": [1, 2.5, "b"]}'), most=20) == {"a": [1, 2.5, "b"]}


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
numbers = st.integers(-MAX_INTEGER, MAX_INTEGER) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_what_is_sound_is_read_as_json_reads_it(value: Any) -> None:
    assert parse_bounded(json.dumps(value)) == value
    assert parse_bounded(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=30) | st.text(st.sampled_from('[]{}",:0123456789eE+-.\\u '), max_size=30))
def test_no_bytes_cause_another_error(text: bytes | str) -> None:
    try:
        value = parse_bounded(text)
    except JsonError:
        return
    check_values(value)
    assert json.loads(json.dumps(value, allow_nan=False)) == value
