"""The console of all commands: each text is one printable line, whatever names of files and classes are in it."""

from __future__ import annotations

import io
import sys
from typing import Any

from rich.console import Console

from dataset_contract.sanitise import sanitise

LONGEST_LINE = 4000
"""Characters."""


class Terminal(Console):
    """rich's console without its markup. A text is printed by sanitise(): on one line, without control characters."""

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:  # noqa: ANN401 - those of rich's Console
        """Write to standard output, or to standard error."""
        if isinstance(sys.stdout, io.TextIOWrapper):  # what its encoding lacks is escaped, as on standard error
            sys.stdout.reconfigure(errors="backslashreplace")
        super().__init__(stderr=stderr, soft_wrap=True, highlight=False, markup=False, emoji=False, **options)

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401 - as rich's Console has it
        """Print texts, or what rich draws, such as a bar."""
        shown = (sanitise(item, longest=LONGEST_LINE) if isinstance(item, str) else item for item in objects)
        super().print(*shown, **options)
