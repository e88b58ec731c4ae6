"""A person's mistakes and AWS's refusals, each as one sentence that says what to do."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)
from pipeline.aws_errors import SIGN_IN_ERRORS, error_code, error_message
from pipeline.errors import AwsUnavailable

from dataset_contract.sanitise import sanitise

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_CREDENTIALS = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError"})
"""Codes with which AWS says that a permission is missing."""


class RunsError(Exception):
    """A command failed; the message is the sentence."""


def sentence_of(error: ClientError | BotoCoreError | AwsUnavailable) -> str:
    """What failed at AWS or on the way to it, and what to do."""
    if isinstance(error, ClientError):
        return _refusal(error)
    shown = sanitise(error, longest=300).rstrip(".")
    for kinds, sentence in (
        (
            (NoCredentialsError, PartialCredentialsError),
            "There are no AWS credentials: run `aws configure` or `aws sso login`, or set AWS_PROFILE; "
            "`python -m local_aws` prints what to set for the embedded AWS.",
        ),
        (
            SIGN_IN_ERRORS,
            f"The AWS sign-in is missing or has expired ({shown}): run `aws sso login` and try again.",
        ),
        (ProfileNotFound, f"{shown}: set AWS_PROFILE to one that `aws configure list-profiles` shows."),
        (
            NoRegionError,
            "No AWS region is set: set AWS_DEFAULT_REGION to the one that the stack is deployed in, such as us-east-1.",
        ),
    ):
        if isinstance(error, kinds):
            return sentence
    fips = (
        " Few regions outside the USA and Canada have FIPS endpoints: unset AWS_USE_FIPS_ENDPOINT, or deploy in one "
        "that has them."
    )
    return f"AWS could not be reached: {shown}.{fips if '-fips' in shown else ''} A run in progress is not affected."


def _refusal(error: ClientError) -> str:
    code, message = error_code(error), sanitise(error_message(error), longest=500)
    if code in _EXPIRED:
        return "The AWS credentials have expired: sign in again and repeat the command."
    if code in _UNKNOWN_CREDENTIALS:
        return f"AWS does not know these credentials ({code}): check AWS_PROFILE, or sign in again."
    if code in DENIED:
        return f"These credentials may not do that ({error.operation_name}): {message}"
    return f"AWS refused {error.operation_name} ({code}): {message}"
