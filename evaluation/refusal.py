"""What the evaluation cannot take, said to the person who asked for it."""

from __future__ import annotations


class EvaluationError(Exception):
    """The data set or a model's detections cannot be evaluated; the message is one sentence. Exit status 1."""


class EvaluationUsageError(Exception):
    """The command was asked for something that cannot be done; the message is one sentence. Exit status 2."""
