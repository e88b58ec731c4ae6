"""Text from outside, such as a file's or a class's name, made fit to show in a message, a log or a terminal."""

from __future__ import annotations


def sanitise(text: object, *, longest: int = 2000) -> str:
    """`text` on one line of at most `longest` characters, the last three "..." where it was cut.

    What would move a terminal's cursor, hide or reorder text, or is half of a character, is escaped as in a Python
    string: otherwise a name in a data set could change what a person reads.
    """
    shown = str(text)[: longest + 1]
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."
