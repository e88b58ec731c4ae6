"""What can go wrong through no fault of the program: each a sentence for the person who ran it, never a traceback."""

from __future__ import annotations


class UsageError(Exception):
    """The command was asked for something that cannot be done: exit status 2."""


class PrepError(Exception):
    """The source, the data set or the upload is refused: exit status 1."""
