"""A person's mistakes and AWS's refusals, each as one sentence that says what to do."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from pipeline.aws_errors import error_code, error_message
from pipeline.errors import AwsUnavailable

from dataset_contract.sanitise import sanitise

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_CREDENTIALS = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError"})


class RunsError(Exception):
    """A command failed; the message is the sentence."""


def sentence_of(error: ClientError | BotoCoreError | AwsUnavailable) -> str:
    """What failed at AWS or on the way to it, and what to do."""
    if isinstance(error, ClientError):
        return _refusal(error)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return (
            "There are no AWS credentials: run `aws configure` or `aws sso login`, or set AWS_PROFILE; "
            "`python -m local_aws` prints what to set for the embedded AWS."
        )
    if isinstance(error, TokenRetrievalError | UnauthorizedSSOTokenError):
        return "The AWS sign-in has expired: run `aws sso login` and try again."
    if isinstance(error, NoRegionError):
        return (
            "No AWS region is set: set AWS_DEFAULT_REGION to the one that the stack is deployed in, such as us-east-1."
        )
    return f"AWS could not be reached: {sanitise(error, longest=300)} A run in progress is not affected."


def _refusal(error: ClientError) -> str:
    code, message = error_code(error), sanitise(error_message(error), longest=500)
    if code in _EXPIRED:
        return "The AWS credentials have expired: sign in again and repeat the command."
    if code in _UNKNOWN_CREDENTIALS:
        return f"AWS does not know these credentials ({code}): check AWS_PROFILE, or sign in again."
    if code in _DENIED:
        return f"These credentials may not do that ({error.operation_name}): {message}"
    return f"AWS refused {error.operation_name} ({code}): {message}"
