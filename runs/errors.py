"""A person's mistakes and AWS's refusals, each as one sentence that says what to do."""

from boto3.exceptions import Boto3Error
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    InvalidConfigError,
    InvalidProxiesConfigError,
    InvalidRegionError,
    InvalidRetryConfigurationError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)
from pipeline.aws_errors import SIGN_IN_ERRORS, error_code, error_message, is_transient
from pipeline.errors import AwsUnavailable

from dataset_contract.sanitise import sanitise

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_CREDENTIALS = frozenset(
    {"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "InvalidSignatureException"}
)
DENIED = frozenset({"403", "AccessDenied", "AccessDeniedException", "AuthorizationError"})
"""Codes with which AWS says that a permission is missing; an answer to HEAD has its status only."""
_CLOCK = ("Signature expired", "Signature not yet current", "The difference between the request time and")
"""How AWS's sentence begins if this machine's clock is wrong: the codes are those of a wrong key, too."""
_CONFIGURATION = (
    ConfigNotFound,
    ConfigParseError,
    InvalidConfigError,
    InvalidProxiesConfigError,
    InvalidRegionError,
    InvalidRetryConfigurationError,
)

AWS_ERRORS = (ClientError, BotoCoreError, Boto3Error, AwsUnavailable, EOFError)
"""What calls of AWS raise: a Boto3Error is a transfer's, an EOFError a question's that nobody answers."""


class RunsError(Exception):
    """A command failed; the message is the sentence."""


def not_usable(why: str) -> str:
    """That what the person has configured makes no session, and what to do."""
    return f"The AWS configuration cannot be used ({why}): correct what the AWS_ variables and the files in ~/.aws say."


def sentence_of(error: Exception) -> str:
    """For one of AWS_ERRORS: what failed at AWS or on the way to it, and what to do."""
    if isinstance(error, ClientError):
        return _refusal(error)
    cause = getattr(error, "last_exception", error)  # of a transfer that was tried again and again
    shown = sanitise(cause, longest=300).rstrip(".")
    if isinstance(error, AwsUnavailable):
        return _busy(shown)
    if isinstance(error, EOFError):
        return "The AWS profile asks for a code, and nobody can type it here: repeat the command in a terminal."
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
        (_CONFIGURATION, not_usable(shown)),
        (ParamValidationError, f"AWS has nothing of such a name ({shown}): correct what the command names."),
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


def _busy(what: str) -> str:
    return f"AWS is busy or out of reach ({what}): try again in a minute. A run in progress is not affected."


def _refusal(error: ClientError) -> str:
    code, message = error_code(error), sanitise(error_message(error), longest=500)
    if is_transient(error):
        return _busy(f"{error.operation_name}: {message.rstrip('.')}")
    if message.startswith(_CLOCK):
        return f"This machine's clock is not AWS's ({message.rstrip('.')}): set it and repeat the command."
    if code in _EXPIRED:
        return "The AWS credentials have expired: sign in again and repeat the command."
    if code in _UNKNOWN_CREDENTIALS:
        return f"AWS does not know these credentials ({code}): check AWS_PROFILE, or sign in again."
    if code in DENIED:
        return f"These credentials may not do that ({error.operation_name}): {message}"
    return f"AWS refused {error.operation_name} ({code}): {message}"
