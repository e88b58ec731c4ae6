"""Text from outside cannot do more in a message than be read."""

from hypothesis import example, given
from hypothesis import strategies as st

from dataset_contract.sanitise import sanitise, short, written_name


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


def test_a_name_in_a_file_is_that_of_the_file_unless_it_cannot_be_written() -> None:
    for name in ("Screenshot 10.00\u202fAM.png", "間取り\u30001.png", "na\u200cme.png", "a\\b", "\U0001f3e0.png"):
        assert written_name(name) == name
    assert written_name("a\x1b[2J\n\x85\udce9\uffff.png") == "a\\x1b[2J\\n\\x85\\udce9\\uffff.png"


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
