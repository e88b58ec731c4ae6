"""Text from outside the pipeline, such as a log line or a class name, made fit for a message of ours."""

from __future__ import annotations


def plain(text: object, *, longest: int = 2000) -> str:
    """`text` on one line of at most `longest` characters.

    What would move a terminal's cursor, hide or reorder text is escaped as in a Python string: nothing but a data
    set's own names decides what stands in a log.
    """
    escaped = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in str(text)[: longest + 1]
    )
    return escaped if len(escaped) <= longest else f"{escaped[: longest - 3]}..."
