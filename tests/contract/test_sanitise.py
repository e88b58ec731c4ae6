"""Text from outside cannot do more in a message than be read."""

from hypothesis import example, given
from hypothesis import strategies as st

from dataset_contract.sanitise import sanitise, short


@given(st.text(), st.integers(10, 50))
@example("\u2028" * 60, 50)
def test_it_is_one_printable_line_of_limited_length(text: str, longest: int) -> None:
    shown = sanitise(text, longest=longest)
    assert shown.isprintable()
    assert len(shown) <= longest


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=50))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert sanitise(text, longest=50) == text


def test_what_moves_the_cursor_or_reorders_text_is_escaped() -> None:
    assert sanitise("a\x1b[2J\r\nb\u202e\u2028\ud800") == "a\\x1b[2J\\r\\nb\\u202e\\u2028\\ud800"


def test_what_is_cut_ends_in_an_ellipsis() -> None:
    assert sanitise("a" * 51, longest=50) == "a" * 47 + "..."
    assert sanitise("a" * 3000) == "a" * 1997 + "..."


def test_what_is_not_a_text_is_shown_as_one() -> None:
    assert sanitise(ValueError("no\nsuch file")) == "no\\nsuch file"


def test_a_json_value_is_short_whatever_it_is() -> None:
    assert short(10**5000) == short([10**400])[1:-1] == "an integer of very many digits"
    assert short("a" * 60) == "'" + "a" * 56 + "..."
    assert short("\x1b" * 1_000_000).isprintable()
    assert len(short("é" * 1_000_000)) == 60
