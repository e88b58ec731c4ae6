"""The errors that the SageMaker API answers with, and the one that ends a training job."""

from __future__ import annotations


class SageMakerError(Exception):
    """An API call is refused: `code` is the error's name on the wire, the message is for the caller."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class JobFailedError(Exception):
    """A training job ends as Failed; the message is its FailureReason."""


def invalid(message: str) -> SageMakerError:
    """A ValidationException: what AWS answers to most wrong requests."""
    return SageMakerError("ValidationException", message)


def not_embedded(what: str) -> SageMakerError:
    """AWS can do it, this server cannot; a code of our own, so that nobody takes it for a refusal by AWS."""
    return SageMakerError("NotEmbedded", f"The embedded SageMaker server cannot do this, AWS can: {what}.")
