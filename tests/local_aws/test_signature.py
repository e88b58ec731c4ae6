"""Signatures are what AWS's own SDK makes of the same request, and no other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_aws.signature import Signature, sign
from loopback.callers import Request

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
HOST = "127.0.0.1:4566"
FUNCTION = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Af/invocations?Qualifier=1"
# signer, service, method, target, body, headers
REQUESTS: dict[str, tuple[Any, str, str, str, bytes, dict[str, str]]] = {
    "JSON": (SigV4Auth, "states", "POST", "/", b'{"name": "x"}', {"X-Amz-Target": "AWSStepFunctions.StartExecution"}),
    "an ARN in the path": (SigV4Auth, "lambda", "POST", FUNCTION, b"{}", {"X-Amz-Client-Context": "a  b "}),
    "a form": (SigV4Auth, "sts", "POST", "/", b"Action=GetCallerIdentity", {}),
    "an object": (S3SigV4Auth, "s3", "PUT", "/bucket/a%20b//c%2Bd~e", b"content", {"x-amz-meta-a": "\u00e4"}),
    "an unordered query": (S3SigV4Auth, "s3", "GET", "/bucket?prefix=a%2Fb&list-type=2&uploads", b"", {}),
    "a URL of an object": (S3SigV4QueryAuth, "s3", "GET", "/bucket/key?versionId=1", b"", {}),
    "a URL of another service": (SigV4QueryAuth, "sts", "GET", "/?Action=GetCallerIdentity", b"", {}),
}


def signed(name: str) -> tuple[Request, bytes]:
    """The request as botocore signs it."""
    signer, service, method, target, body, headers = REQUESTS[name]
    request = AWSRequest(method, f"http://{HOST}{target}", headers, body)
    keys = Credentials(ENVIRONMENT["AWS_ACCESS_KEY_ID"], ENVIRONMENT["AWS_SECRET_ACCESS_KEY"])
    signer(keys, service, ENVIRONMENT["AWS_REGION"]).add_auth(request)
    url = urlsplit(str(request.url))
    # On the wire a header's text is UTF-8, which a server reads as Latin-1.
    sent = [(name, str(value).encode().decode("latin-1")) for name, value in request.headers.items()]
    target = url.path + (f"?{url.query}" if url.query else "")
    return Request(method, target, [*sent, ("Host", HOST), ("User-Agent", "any")]), body


@pytest.mark.parametrize("name", REQUESTS)
def test_what_the_sdk_signs_is_right_and_what_is_changed_is_not(name: str) -> None:
    request, body = signed(name)
    signature = Signature.of(request)
    assert signature is not None
    assert (signature.access_key, signature.service) == (ENVIRONMENT["AWS_ACCESS_KEY_ID"], REQUESTS[name][1])
    assert signature.is_right("secret", request, body)
    assert not signature.is_right("another", request, body)
    path, mark, query = request.target.partition("?")
    for changed in (
        replace(request, method="DELETE"),
        replace(request, target=f"{path}x{mark}{query}"),
        replace(request, target=f"{request.target}{'&' if mark else '?'}x=1"),
        replace(request, headers=[*request.headers, ("Host", HOST)]),
    ):
        assert not signature.is_right("secret", changed, body)
    if signature.payload_hash is None:
        assert not signature.is_right("secret", request, body + b" ")


@pytest.mark.parametrize("service", ["iam", "s3"])
def test_what_we_sign_is_right(service: str) -> None:
    head = Request("POST", "/a?b=c", [("Host", HOST)])
    headers = sign(head, b"body", service=service, environment=ENVIRONMENT | {"AWS_SESSION_TOKEN": "token"})
    sent = Request(head.method, head.target, [*head.headers, *headers.items()])
    signature = Signature.of(sent)
    assert signature is not None
    assert "x-amz-security-token" in signature.signed_headers
    assert signature.is_right("secret", sent, b"body")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/s3/aws4_request",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/s3/aws4_request, SignedHeaders=, Signature=0",
        "AWS4-HMAC-SHA256 Credential=\u00e9/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
        "AWS AKIDEXAMPLE:c2lnbmF0dXJl",
        "Bearer AKIDEXAMPLE",
    ],
)
def test_what_is_not_signed_by_version_4_has_no_signature(authorization: str) -> None:
    headers = [("Authorization", authorization), ("X-Amz-Date", "20260101T000000Z")]
    assert Signature.of(Request("GET", "/", headers)) is None
    assert Signature.of(Request("GET", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=%F0%9F", [])) is None
    request, _ = signed("JSON")
    assert Signature.of(replace(request, headers=[*request.headers, *headers])) is None  # two of them
