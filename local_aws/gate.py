"""The rule by which both servers of the embedded AWS let a request in: from no web page, to their address, signed.

Whoever may call the embedded AWS runs code as the person who started it: as a Lambda function, as a training job. Any
web page in this person's browser and any other user of this machine can send requests to the loopback. Pages are kept
out by the two rules of loopback/callers.py, and everybody else by a third:

- The signature was made with the secret key that belongs to the access key: this run's random one, or one that the
  embedded AWS has itself given out. The access key alone would not do: tools write it into their logs and caches.

The secret is in the variables of this person's processes and in what `python -m local_aws` prints. Programs of the same
person can read it there, and are not kept out; nor is root.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable

from local_aws.signature import Signature
from loopback.callers import Request, Stranger, stranger

LARGEST_SIGNED_BODY = 256 * 1024 * 1024  # bytes; S3 sends a hash of what may be larger
# Answers in XML: S3, and the services whose requests are forms.
XML_SERVICES = frozenset({"s3", "cloudformation", "iam", "sns", "sqs", "sts"})
STALE = "Set the variables that the embedded AWS printed when it started; those of an earlier run are not valid."


class RefusedError(Exception):
    """Keeps a request out; the message is a sentence for the caller, `code` is AWS's name for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def answer(self, request: Request) -> tuple[str, bytes]:
        """Content type and body from which the SDK of the service takes code and message."""
        signature = Signature.of(request)
        if signature is None or signature.service not in XML_SERVICES:
            return "application/json", json.dumps({"__type": self.code, "message": str(self)}).encode()
        # None of it is the caller's, so nothing has to be escaped.
        error = f"<Error><Code>{self.code}</Code><Message>{self}</Message></Error>"
        return "application/xml", (
            error if signature.service == "s3" else f"<ErrorResponse>{error}</ErrorResponse>"
        ).encode()


class Gate:
    """The gate of one server.

    host: its address and port, as a client writes them into the header Host. secret_of: the secret key that belongs to
    an access key, None for one that is not known.
    """

    def __init__(self, host: str, secret_of: Callable[[str], str | None]) -> None:
        self._host = host
        self._secret_of = secret_of

    def admit(self, request: Request) -> Admission:
        """Judge the head of a request, before its body is read. Raises RefusedError."""
        refused = stranger(request, self._host, has_pages=False)
        if refused is Stranger.WEB_PAGE:
            raise RefusedError("AccessDenied", "The embedded AWS takes no requests from a web page.")
        if refused is Stranger.HOST:
            raise RefusedError("AccessDenied", f"The embedded AWS is called as {self._host} only.")
        signature = Signature.of(request)
        if signature is None:
            raise RefusedError("MissingAuthenticationToken", f"The request is not signed (Version 4). {STALE}")
        secret = self._secret_of(signature.access_key)
        if secret is None:
            raise RefusedError(
                "UnrecognizedClientException", f"The security token included in the request is invalid. {STALE}"
            )
        return Admission(request, signature, secret)


class Admission:
    """A request whose head is in order; its signature has still to be checked."""

    def __init__(self, request: Request, signature: Signature, secret: str) -> None:
        self._request, self._signature, self._secret = request, signature, secret
        self.access_key = signature.access_key
        self.needs_body = signature.payload_hash is None

    def check(self, body: bytes) -> None:
        """Check the signature; `body` may be empty unless it is needed. Raises RefusedError."""
        if not self._signature.is_right(self._secret, self._request, body):
            raise RefusedError("SignatureDoesNotMatch", f"The signature is not made with the secret key. {STALE}")


def random_credentials() -> dict[str, str]:
    """An access key and a secret key that nobody can guess, as AWS_* variables."""
    return {
        "AWS_ACCESS_KEY_ID": f"AKIA{secrets.token_hex(8).upper()}",
        "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
    }
