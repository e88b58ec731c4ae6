"""AWS Signature Version 4: who signed a request, whether with the secret key, and the signing of our own.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
By the standard library alone: ministack's process would take long to import botocore.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from urllib.parse import parse_qsl, quote

from loopback.callers import Request

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
PAYLOAD_HASH = "x-amz-content-sha256"
SCOPE = re.compile(r"(?P<access_key>\w+)/\d{8}/(?P<region>[\w-]+)/(?P<service>[\w-]+)/aws4_request", re.ASCII)
AUTHORIZATION = re.compile(rf"{ALGORITHM} Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([^,\s]+)")
SIGNED_HEADERS = re.compile(r"[a-z0-9-]+(;[a-z0-9-]+)*")
TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z")


@dataclass(frozen=True)
class Signature:
    """What a request says of its signature."""

    access_key: str
    region: str
    service: str
    time: str
    """As 20261231T235959Z."""
    signed_headers: str
    """Their names in lower case, sorted, with semicolons between them."""
    payload_hash: str | None
    """SHA-256 of the body as hex, or a word that stands for it; None where the signature covers the body itself."""
    value: str = ""

    @classmethod
    def of(cls, request: Request) -> Self | None:
        """The one in the header Authorization, or that of a URL signed beforehand; None if there is none."""
        authorizations = request.values("authorization")
        query = dict(parse_qsl(request.target.partition("?")[2]))
        if len(authorizations) == 1 and (found := AUTHORIZATION.fullmatch(authorizations[0])):
            scope, signed_headers, value = found.groups()
            time = ",".join(request.values("x-amz-date"))
            payload_hash = ",".join(request.values(PAYLOAD_HASH)) or None
        elif not authorizations and query.get("X-Amz-Algorithm") == ALGORITHM:
            names = ("Credential", "SignedHeaders", "Signature", "Date")
            scope, signed_headers, value, time = (query.get(f"X-Amz-{name}", "") for name in names)
            payload_hash = UNSIGNED_PAYLOAD if scope.endswith("/s3/aws4_request") else None
        else:
            return None
        parts = SCOPE.fullmatch(scope)
        if not (parts and SIGNED_HEADERS.fullmatch(signed_headers) and TIME.fullmatch(time)):
            return None
        return cls(
            **parts.groupdict(), time=time, signed_headers=signed_headers, payload_hash=payload_hash, value=value
        )

    def is_right(self, secret_key: str, request: Request, body: bytes) -> bool:
        """Whether it was made with this secret key for this request; `body` counts only without a payload hash."""
        return hmac.compare_digest(self.calculate(secret_key, request, body).encode(), self.value.encode())

    def calculate(self, secret_key: str, request: Request, body: bytes) -> str:
        """The value that the signature must have, as hex."""
        path, _, query = request.target.partition("?")
        parameters = sorted(tuple(pair.partition("=")[::2]) for pair in query.split("&") if pair)
        headers = [(name, ",".join(request.values(name))) for name in self.signed_headers.split(";")]
        canonical = [
            request.method,
            # Each service but S3 signs the path as sent, encoded once more.
            path if self.service == "s3" else quote(path, safe="/~"),
            "&".join(f"{name}={value}" for name, value in parameters if name != "X-Amz-Signature"),
            *(f"{name}:{' '.join(value.split())}" for name, value in headers),
            "",
            self.signed_headers,
            self.payload_hash or hashlib.sha256(body).hexdigest(),
        ]
        scope = f"{self.time[:8]}/{self.region}/{self.service}/aws4_request"
        digest = hashlib.sha256("\n".join(canonical).encode("latin-1")).hexdigest()
        key = f"AWS4{secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode("latin-1"), "sha256")
        return hmac.digest(key, f"{ALGORITHM}\n{self.time}\n{scope}\n{digest}".encode("latin-1"), "sha256").hex()


def sign(request: Request, body: bytes, *, service: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The headers to send besides the request's own, with the credentials of AWS_* variables."""
    added = {"x-amz-date": datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")}
    if token := environment.get("AWS_SESSION_TOKEN"):
        added["x-amz-security-token"] = token
    if service == "s3":
        added[PAYLOAD_HASH] = hashlib.sha256(body).hexdigest()
    whole = Request(request.method, request.target, [*request.headers, *added.items()])
    made = Signature(
        access_key=environment["AWS_ACCESS_KEY_ID"],
        region=environment["AWS_REGION"],
        service=service,
        time=added["x-amz-date"],
        signed_headers=";".join(sorted({name.lower() for name, _ in whole.headers})),
        payload_hash=added.get(PAYLOAD_HASH),
    )
    value = made.calculate(environment["AWS_SECRET_ACCESS_KEY"], whole, body)
    scope = f"{made.access_key}/{made.time[:8]}/{made.region}/{service}/aws4_request"
    return added | {
        "authorization": f"{ALGORITHM} Credential={scope}, SignedHeaders={made.signed_headers}, Signature={value}"
    }
