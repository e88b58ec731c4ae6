"""The errors that end a training job."""

from __future__ import annotations


class JobFailedError(Exception):
    """The job ends as Failed; the message is its FailureReason."""


class StoppedBeforeTrainingError(Exception):
    """The job was stopped before its command was started."""
