"""The sentences for what S3, the AWS SDK and whatever is between them answer to an upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from dataset_contract.sanitise import sanitise
from dataset_prep.errors import PrepError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class NotFromS3Error(Exception):
    """An answer cannot be S3's; the text says which."""


class OvertakenError(Exception):
    """Somebody else wrote an object after it was looked at."""


UPLOAD_ERRORS = (BotoCoreError, ClientError, NotFromS3Error, ResponseParserError)
"""What explained() has sentences for; a ResponseParserError is what botocore makes of a web page."""

_WITHOUT_REASON = frozenset({"400", "403"})
"""Codes that botocore makes of an answer without a body, such as each answer to HEAD."""
_SENTENCES = {
    "RequestTimeTooSkewed": "This machine's clock is more than 15 minutes off from AWS's: set it, then run the same "
    "command again.",
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"),
        "The AWS credentials have expired: log in again, such as by `aws sso login`, then run the same command again.",
    ),
    **dict.fromkeys(
        ("InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken", "UnrecognizedClientException"),
        "AWS does not know these credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if "
        "they came with one, AWS_SESSION_TOKEN, or log in.",
    ),
    "SignatureDoesNotMatch": "AWS does not accept the requests' signature: the secret access key is wrong, or a proxy "
    "changes the requests. Set AWS_SECRET_ACCESS_KEY again, and check the proxy.",
}


def explained(error: Exception, client: S3Client, bucket: str) -> Exception:
    """The UsageError or PrepError for one of UPLOAD_ERRORS. May ask S3 again, for HEAD's answers say no reason."""
    if isinstance(error, ClientError) and error.response["Error"]["Code"] in _WITHOUT_REASON:
        error = _with_reason(error, client, bucket)
    if isinstance(error, ClientError):
        return _of_s3(error, bucket)
    if isinstance(error, (NotFromS3Error, ResponseParserError)):
        reason = error if isinstance(error, NotFromS3Error) else "its answer is not S3's"
        return PrepError(
            f"Something else answered in place of S3 for the bucket {bucket} ({reason}): check the proxy and the "
            "network, and AWS_ENDPOINT_URL if it is set, then run the same command again."
        )
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return UsageError(
            "There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in."
        )
    if isinstance(error, (SSOError, TokenRetrievalError, CredentialRetrievalError)):
        return UsageError(
            f"The AWS credentials cannot be had ({one_line(error)}): log in again, such as by `aws sso login`."
        )
    if isinstance(error, ParamValidationError):  # the bucket is all that a person gives
        return UsageError(f"{bucket} is not a bucket's name: take the name from the deployed stack's outputs.")
    return PrepError(f"S3 cannot be reached for the bucket {bucket}: {one_line(error)}")


def _of_s3(error: ClientError, bucket: str) -> Exception:
    code = error.response["Error"]["Code"]
    if code in _SENTENCES:
        return PrepError(_SENTENCES[code])
    if code in ("404", "NoSuchBucket"):
        return UsageError(f"There is no bucket {bucket}: take the name from the deployed stack's outputs.")
    if code in ("403", "AccessDenied"):
        return PrepError(f"Access to the bucket {bucket} was denied: check its name and the credentials' permissions.")
    return PrepError(f"S3 refused a request for the bucket {bucket}: {one_line(error)}")


def _with_reason(error: Exception, client: S3Client, bucket: str) -> Exception:
    """What S3 answers to a request whose answers have a body; `error` itself if it grants that one."""
    try:
        client.list_objects_v2(Bucket=bucket, MaxKeys=1)
    except UPLOAD_ERRORS as told:
        return told
    return error


def one_line(error: Exception) -> str:
    """An error's text on one line."""
    return sanitise(" ".join(str(error).split()))
