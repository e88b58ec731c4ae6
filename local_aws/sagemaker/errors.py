"""The error that ends a training job."""

from __future__ import annotations


class JobFailedError(Exception):
    """A training job ends as Failed; the message is its FailureReason."""
