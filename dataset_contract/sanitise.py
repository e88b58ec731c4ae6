"""Text from outside, such as a file's or a class's name, made fit to show in a message, a log or a terminal."""

from __future__ import annotations

import re

_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def sanitise(text: object, *, longest: int = 2000) -> str:
    """`text` on one line of at most `longest` characters, the last three "..." where it was cut.

    What would move a terminal's cursor, hide or reorder text, or is half of a character, is escaped as in a Python
    string: otherwise a name in a data set could change what a person reads.
    """
    shown = str(text)[: longest + 1]
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."


def short(value: object) -> str:
    """A JSON value as a sentence names it, at most 60 characters long."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        plain = len(value) <= 6 and not any(isinstance(item, dict | list) for item in value)
        return f"[{', '.join(map(short, value))}]" if plain else f"a list of {len(value)} entries"
    if isinstance(value, int) and abs(value) > 10**60:
        return "an integer of very many digits"
    return sanitise(repr(value[:60] if isinstance(value, str) else value), longest=60)


def written_name(name: str) -> str:
    """A file's name as JSON, CSV and XML tell it to a program, which has to find the file by it: as it is.

    Only what those cannot hold, control characters and halves of characters, is escaped as in a Python string.
    """
    return _UNWRITABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), name)


def text_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
