"""What a class may be called, as its name goes into logs, messages, pages and metrics; which names mean one class."""

from __future__ import annotations

import re
from functools import cache

_SYNONYMS = {"walls": "wall", "rooms": "room", "doors": "door", "windows": "window"}

MAX_NAME_BYTES = 64
"""Of a name in UTF-8: a thousand of them, twice, fit into the 256 KB that Step Functions carries."""


def class_name_problem(name: str) -> str | None:
    """Why `name` cannot be a class's name (end of a sentence that starts with it), or None if it can be."""
    if not name.strip():
        return "is empty"
    if not name.isprintable():
        return "holds a control character or another that cannot be seen"
    if len(name.encode()) > MAX_NAME_BYTES:
        return f"is longer than {MAX_NAME_BYTES} bytes"
    return None


@cache
def class_name(name: str) -> str:
    """The class that a name means: lower case, with the plurals of wall, room, door and window made singular."""
    plain = re.sub(r"\s+", " ", name.strip().lower())
    return _SYNONYMS.get(plain, plain)
