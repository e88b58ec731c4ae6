"""Text from outside cannot do more in a message than be read."""

from hypothesis import given
from hypothesis import strategies as st
from pipeline.plain_text import plain


@given(st.text(), st.integers(10, 50))
def test_it_is_one_printable_line_of_limited_length(text: str, longest: int) -> None:
    shown = plain(text, longest=longest)
    assert shown.isprintable()
    assert len(shown) <= longest


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=50))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert plain(text, longest=50) == text


def test_what_moves_the_cursor_is_escaped() -> None:
    assert plain("a\x1b[2J\r\nb\u202e") == "a\\x1b[2J\\r\\nb\\u202e"
