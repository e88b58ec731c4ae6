"""How the results of the checks are shown: a line for each, its remedy below it, and what follows from them."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable

from rich.text import Text

from dataset_contract.sanitise import sanitise
from runs.doctor.result import Rating, Result
from terminal.console import Terminal

_STYLES = {Rating.GOOD: "green", Rating.DOUBTFUL: "yellow", Rating.BAD: "bold red", Rating.NOT_LOOKED_AT: "dim"}
_RATING, _SUBJECT = 10, 13
"""Characters of the first two columns."""
_WIDEST = 120
"""Characters: longer lines are hard to read."""


def show(console: Terminal, results: Iterable[Result]) -> int:
    """Show each result when it is there, then what they come to; return the exit status: 1 with a bad one, else 0."""
    counts: Counter[Rating] = Counter()
    for result in results:
        counts[result.rating] += 1
        _show(console, result)
    console.print(_conclusion(counts))
    return 1 if counts[Rating.BAD] else 0


def _show(console: Terminal, result: Result) -> None:
    indent = " " * (_RATING + _SUBJECT)
    lines = [*_wrapped(result.text, console), *_wrapped(result.remedy, console)]
    head = Text.assemble(
        (f"{result.rating.value:<{_RATING}}", _STYLES[result.rating]), f"{result.subject:<{_SUBJECT}}", lines[0]
    )
    console.print(head)
    for line in lines[1:]:
        console.print(f"{indent}{line}")


def _wrapped(text: str, console: Terminal) -> list[str]:
    """Lines that fit beside the first two columns; a longer word, such as an ARN, is left whole to be copied."""
    width = max(40, min(_WIDEST, console.width) - _RATING - _SUBJECT)
    return textwrap.wrap(sanitise(text), width, break_long_words=False, break_on_hyphens=False)


def _conclusion(counts: Counter[Rating]) -> str:
    if counts[Rating.BAD]:
        return "A run would fail: see what is bad."
    if counts[Rating.NOT_LOOKED_AT]:
        return "Nothing that could be looked at is bad."
    if counts[Rating.DOUBTFUL]:
        return "A run can start; see first what is doubtful."
    return "A run can start: `python -m runs start`."
