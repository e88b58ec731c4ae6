"""What a check of `python -m runs doctor` found: a rating, a sentence, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Rating(StrEnum):
    """How good what a check found is."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    """A run can start, and may cost more, learn worse or wait."""
    BAD = "bad"
    """A run would fail."""
    NOT_LOOKED_AT = "unknown"
    """AWS did not let the check look, or did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One line of the report."""

    subject: str
    """What was looked at, in a word or two."""
    rating: Rating
    text: str
    """What was found."""
    remedy: str = ""
    """What to do about it; empty if there is nothing to do."""


def good(subject: str, text: str) -> Result:
    """All is well."""
    return Result(subject=subject, rating=Rating.GOOD, text=text)


def doubtful(subject: str, text: str, remedy: str) -> Result:
    """A run can start, with a drawback."""
    return Result(subject=subject, rating=Rating.DOUBTFUL, text=text, remedy=remedy)


def bad(subject: str, text: str, remedy: str = "") -> Result:
    """A run would fail."""
    return Result(subject=subject, rating=Rating.BAD, text=text, remedy=remedy)


def not_looked_at(subject: str, reason: str, remedy: str = "") -> Result:
    """`reason` ends the sentence "not looked at: ..."."""
    return Result(subject=subject, rating=Rating.NOT_LOOKED_AT, text=f"not looked at: {reason}", remedy=remedy)
