"""Tells transient AWS errors from permanent ones; only transient ones are retried."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from botocore.exceptions import (
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from dataset_contract.sanitise import sanitise
from pipeline.errors import AwsUnavailable, KeyRefused

_TRANSIENT = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
    }
)

WRITTEN_MEANWHILE = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
"""Codes with which S3 says of a conditional write that another one came before it."""
NO_EXECUTION = frozenset({"ExecutionDoesNotExist", "InvalidArn", "ValidationException"})
"""Codes with which DescribeExecution says that there is no such execution, or does not show it yet."""

SIGN_IN_ERRORS = (CredentialRetrievalError, SSOError, TokenRetrievalError)
"""A person has to sign in: there is no token, or it has expired or was refused."""


def error_code(error: ClientError) -> str:
    """The code AWS gave, such as ValidationException."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def error_message(error: ClientError) -> str:
    """The sentence AWS gave."""
    return str(error.response.get("Error", {}).get("Message", error))


def is_transient(error: ClientError) -> bool:
    """Whether the same call may work in a moment."""
    return error_code(error) in _TRANSIENT or _http_status(error) >= HTTPStatus.INTERNAL_SERVER_ERROR


@contextmanager
def raising_unavailable() -> Iterator[None]:
    """Raise AwsUnavailable for what may work in a moment; botocore's own retries have been used up by then."""
    try:
        yield
    except ClientError as error:
        if is_transient(error):
            raise AwsUnavailable(f"{error.operation_name}: {error_message(error)}") from error
        raise
    except (ConnectionError, HTTPClientError, IncompleteReadError, ResponseParserError) as error:
        raise AwsUnavailable(str(error)) from error


def key_refusal(error: Exception) -> KeyRefused | None:
    """What to raise in place of `error` if it says that a KMS key may not be used, is disabled or was deleted."""
    if not isinstance(error, ClientError):
        return None
    code, message = error_code(error), error_message(error)
    if "Throttling" in code or not (code.startswith("KMS") or "kms:" in message):
        return None
    return KeyRefused(
        f"A KMS key cannot be used for {error.operation_name} ({code}): {sanitise(message, longest=500).rstrip('.')}. "
        "Enable the key, or deploy the stack with it as kms_key_arn; then redrive."
    )


def _http_status(error: ClientError) -> int:
    """The answer's status; answers to HEAD have no body, and so "503" for a code instead of SlowDown."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
