"""Rewrites a function of ministack: small replacements in its source, each of which must fit exactly once."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from types import ModuleType


def rewrite(module: ModuleType, function: str, replacements: Mapping[str, str]) -> None:
    """Define the module's function anew, with each key in its source exchanged for its value.

    Raises SystemExit with a sentence when a key does not occur exactly once: then this is another ministack.
    """
    source = replace_each(inspect.getsource(getattr(module, function)), replacements, f"{module.__name__}.{function}")
    exec(compile(source, f"<{function}, rewritten>", "exec"), module.__dict__)  # noqa: S102  ministack's own source


def replace_each(source: str, replacements: Mapping[str, str], where: str) -> str:
    """The source with every key exchanged; raises SystemExit when one does not occur exactly once."""
    for old, new in replacements.items():
        if source.count(old) != 1:
            sys.exit(f"{where} of ministack no longer contains {old!r} once: adapt {__file__}'s callers to it.")
        source = source.replace(old, new)
    return source
