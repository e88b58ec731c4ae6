"""No web page and no other user gets into the embedded AWS: each attack as the very request that a browser sends."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_aws.clients import session
from local_aws.gate import random_credentials
from local_aws.signature import sign
from loopback.callers import Request
from tests.local_aws.conftest import BUCKET, SECONDS, Account
from tests.local_aws.test_ministack import port_of

Headers = Sequence[tuple[str, str]]
EVIL = ("Origin", "https://evil.example")
CROSS_SITE = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")]
TEXT = ("Content-Type", "text/plain;charset=UTF-8")
UPGRADE = [
    *[("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")],
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]
# What a page would send to run code: it needs no header that makes a browser ask first.
FUNCTION = {
    "FunctionName": "evil",
    "Runtime": "python3.13",
    "Role": "arn:aws:iam::000000000000:role/r",
    "Handler": "i.h",
}
CREATE_FUNCTION = json.dumps(FUNCTION | {"Code": {"ZipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}}).encode()
FUNCTIONS = "/2015-03-31/functions"


def raw(method: str, target: str, headers: Headers, body: bytes = b"", version: str = "1.1") -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {target} HTTP/{version}", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode() + body


@dataclass(frozen=True)
class Server:
    """One of the two servers, and the credentials of who may call it."""

    variable: str
    environment: Mapping[str, str]

    @property
    def host(self) -> str:
        return urlsplit(self.environment[self.variable]).netloc

    def from_page(self, method: str, target: str, *headers: tuple[str, str], body: bytes = b"") -> bytes:
        """What a browser sends for a page."""
        return raw(method, target, [("Host", self.host), *headers, ("Content-Length", str(len(body)))], body)

    def signed(
        self, *more: tuple[str, str], host: str | None = None, target: str = "/", version: str = "1.1", **changes: str
    ) -> bytes:
        """A call that is allowed, but for headers beside the signed ones, another Host, target or AWS_* variables."""
        service, operation, body = (
            ("states", "AWSStepFunctions.ListStateMachines", b"{}")
            if self.variable == "AWS_ENDPOINT_URL"
            else ("servicequotas", "ServiceQuotasV20190624.ListServiceQuotas", b'{"ServiceCode": "sagemaker"}')
        )
        given = [("Host", self.host if host is None else host), ("X-Amz-Target", operation)]
        given += [("Content-Type", "application/x-amz-json-1.1")]
        added = sign(Request("POST", target, given), body, service=service, environment={**self.environment, **changes})
        return raw("POST", target, [*given, *added.items(), *more, ("Content-Length", str(len(body)))], body, version)

    def answer(self, request: bytes) -> tuple[int, str]:
        """Send these bytes; return the answer's status and the whole of it."""
        with (
            socket.create_connection(("127.0.0.1", port_of(f"http://{self.host}")), timeout=SECONDS) as connection,
            connection.makefile("rb") as answer,
        ):
            connection.sendall(request)
            head = "".join(iter(lambda: answer.readline().decode("latin-1").rstrip("\r\n") + "\n", "\n"))
            length = re.search(r"^content-length: (\d+)$", head, re.IGNORECASE | re.MULTILINE)
            body = answer.read(int(length[1])) if length and not request.startswith(b"HEAD") else b""
            return int(head.split()[1]), head + body.decode()


@pytest.fixture(params=["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER"])
def server(request: pytest.FixtureRequest, account: Account) -> Server:
    return Server(request.param, account.aws.environment)


def well_known(access_key: str) -> Callable[[Server], bytes]:
    return lambda server: server.signed(AWS_ACCESS_KEY_ID=access_key, AWS_SECRET_ACCESS_KEY="test")  # noqa: S106


def rebound(server: Server) -> str:
    """The Host of a page at evil.example, whose name has come to stand for 127.0.0.1."""
    return f"evil.example:{port_of(f'http://{server.host}')}"


UNSIGNED: dict[str, Callable[[Server], bytes]] = {
    "preflight": lambda s: s.from_page(
        *("OPTIONS", FUNCTIONS, EVIL, ("Access-Control-Request-Method", "POST")),
        ("Access-Control-Request-Headers", "authorization,content-type,x-amz-target"),
    ),
    "fetch of text/plain": lambda s: s.from_page("POST", FUNCTIONS, EVIL, *CROSS_SITE, TEXT, body=CREATE_FUNCTION),
    "fetch in a sandbox": lambda s: s.from_page("POST", FUNCTIONS, ("Origin", "null"), TEXT, body=CREATE_FUNCTION),
    "fetch without an Origin": lambda s: s.from_page("POST", FUNCTIONS, TEXT, body=CREATE_FUNCTION),
    "fetch in chunks": lambda s: raw(
        *("POST", FUNCTIONS, [("Host", s.host), EVIL, TEXT, ("Transfer-Encoding", "chunked")]),
        f"{len(CREATE_FUNCTION):x}\r\n".encode() + CREATE_FUNCTION + b"\r\n0\r\n\r\n",
    ),
    "form": lambda s: s.from_page(
        *("POST", "/", EVIL, ("Content-Type", "application/x-www-form-urlencoded")),
        body=b"Action=CreateUser&Version=2010-05-08&UserName=evil",
    ),
    "form by GET": lambda s: s.from_page("GET", "/?Action=CreateUser&Version=2010-05-08&UserName=evil", *CROSS_SITE),
    "image": lambda s: s.from_page("GET", f"/{BUCKET}", *CROSS_SITE, ("Referer", "https://evil.example/")),
    "image in an old browser": lambda s: s.from_page("GET", f"/{BUCKET}", ("Referer", "https://evil.example/")),
    "address bar": lambda s: s.from_page("GET", f"/{BUCKET}", ("Sec-Fetch-Site", "none")),
    "beacon": lambda s: s.from_page("POST", "/_ministack/reset", EVIL, TEXT),
    "HEAD": lambda s: s.from_page("HEAD", f"/{BUCKET}", EVIL),
    "PUT": lambda s: s.from_page("PUT", "/evil", EVIL),
    "WebSocket": lambda s: raw("GET", "/", [("Host", s.host), EVIL, *UPGRADE]),
    "WebSocket without an Origin": lambda s: raw("GET", "/", [("Host", s.host), *UPGRADE]),
    "DNS rebinding": lambda s: raw("GET", f"/{BUCKET}", [("Host", rebound(s)), ("Sec-Fetch-Site", "same-origin")]),
    "Origin is the server": lambda s: s.from_page("POST", FUNCTIONS, ("Origin", f"http://{s.host}"), TEXT),
    "request in a body": lambda s: s.from_page("POST", "/", EVIL, TEXT, body=raw("GET", "/", [("Host", s.host)])),
    "roles' credentials": lambda s: s.from_page(
        "POST", "/_local_aws/role-credentials", body=b'{"role": "a:b:c:d:e:f"}'
    ),
    "health": lambda s: s.from_page("GET", "/_ministack/health"),
    "HTTP/1.0 without a Host": lambda s: raw("GET", "/", [], version="1.0"),
}
SIGNED: dict[str, Callable[[Server], bytes]] = {
    "Origin": lambda s: s.signed(EVIL),
    "Origin null": lambda s: s.signed(("Origin", "null")),
    "empty Origin": lambda s: s.signed(("Origin", "")),
    "two Origins": lambda s: s.signed(("Origin", f"http://{s.host}"), EVIL),
    "oRIGIN": lambda s: s.signed(("oRIGIN", "https://evil.example")),
    "Sec-Fetch-Site": lambda s: s.signed(("Sec-Fetch-Site", "same-origin")),
    "foreign Host": lambda s: s.signed(host=rebound(s)),
    "localhost": lambda s: s.signed(host=rebound(s).replace("evil.example", "localhost")),
    "Host without port": lambda s: s.signed(host="127.0.0.1"),
    "no Host": lambda s: s.signed(host="").replace(b"Host: \r\n", b""),
    "HTTP/1.0 without a Host": lambda s: s.signed(host="", version="1.0").replace(b"Host: \r\n", b""),
    "second Host": lambda s: s.signed(("Host", rebound(s))),
    "absolute target": lambda s: s.signed(target=f"http://{rebound(s)}/"),
    "absolute target of its own": lambda s: s.signed(target=f"http://{s.host}/"),
    "account as access key": well_known("000000000000"),
    "ministack's access key": well_known("test"),
    "key of an earlier run": lambda s: s.signed(**random_credentials()),
    "right access key only": lambda s: s.signed(AWS_SECRET_ACCESS_KEY="test"),  # noqa: S106
    "two signatures": lambda s: s.signed(
        ("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/r/s/aws4_request")
    ),
    "another call's signature": lambda s: s.signed().replace(b"X-Amz-Target: ", b"X-Amz-Target: X"),
    "another body's signature": lambda s: s.signed().replace(b"{", b"[").replace(b"}", b"]"),
}


def assert_unharmed(account: Account) -> None:
    """Nothing that the attacks would make is there, and what they would reset still is."""
    assert "evil" not in [each["FunctionName"] for each in account.client("lambda").list_functions()["Functions"]]
    assert account.client("iam").list_users()["Users"] == []
    buckets = {each["Name"] for each in account.client("s3").list_buckets()["Buckets"]}
    assert BUCKET in buckets
    assert "evil" not in buckets


@pytest.mark.parametrize("attack", UNSIGNED)
def test_what_a_page_sends_is_refused(server: Server, account: Account, attack: str) -> None:
    status, answer = server.answer(UNSIGNED[attack](server))
    assert status in (400, 403), answer
    assert "access-control-" not in answer.lower()
    for name, value in server.environment.items():
        assert "KEY" not in name or value not in answer
    assert_unharmed(account)


@pytest.mark.parametrize("attack", SIGNED)
def test_each_rule_holds_for_a_request_that_keeps_the_others(server: Server, attack: str) -> None:
    assert server.answer(server.signed())[0] == 200
    status, answer = server.answer(SIGNED[attack](server))
    assert status in (400, 403), answer
    assert "access-control-" not in answer.lower()


@pytest.mark.parametrize("service", ["s3", "sts", "lambda", "stepfunctions", "sagemaker", "pricing"])
def test_who_kept_the_variables_of_an_earlier_run_is_told(account: Account, service: str) -> None:
    earlier = random_credentials()
    keys = earlier["AWS_ACCESS_KEY_ID"], earlier["AWS_SECRET_ACCESS_KEY"]
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "s3": ("list_buckets", {}),
        "sts": ("get_caller_identity", {}),
        "lambda": ("list_functions", {}),
        "stepfunctions": ("list_state_machines", {}),
        "sagemaker": ("describe_training_job", {"TrainingJobName": "none"}),
        "pricing": ("get_products", {"ServiceCode": "AmazonSageMaker"}),
    }
    operation, arguments = calls[service]
    variable = "AWS_ENDPOINT_URL_SAGEMAKER" if service in ("sagemaker", "pricing") else "AWS_ENDPOINT_URL"
    endpoint = account.aws.environment[variable]
    caller = session(*keys, None, "us-east-1").client(service, endpoint_url=endpoint)  # type: ignore[call-overload]
    with pytest.raises(
        ClientError, match=r"token included in the request is invalid\. Set the variables that the embedded AWS printed"
    ):
        getattr(caller, operation)(**arguments)


@pytest.mark.parametrize(("method", "operation"), [("GET", "get_object"), ("PUT", "put_object")])
def test_a_url_signed_beforehand_is_for_who_signs_it_with_the_right_key(
    account: Account, method: str, operation: str
) -> None:
    account.client("s3").put_object(Bucket=BUCKET, Key="a b+c", Body=b"old")

    def status(secret: str, **headers: str) -> int:
        environment = account.aws.environment
        keys = environment["AWS_ACCESS_KEY_ID"], secret
        s3 = session(*keys, None, "us-east-1").client(
            "s3", endpoint_url=environment["AWS_ENDPOINT_URL"], config=Config(signature_version="s3v4")
        )
        url = s3.generate_presigned_url(operation, Params={"Bucket": BUCKET, "Key": "a b+c"})
        data = b"new" if method == "PUT" else None
        request = urllib.request.Request(url, data=data, method=method, headers=headers)  # noqa: S310  the loopback
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=SECONDS) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    right = account.aws.environment["AWS_SECRET_ACCESS_KEY"]
    assert status("test") == 403
    assert status(right, Origin="https://evil.example") == 403
    assert status(right, **{"Sec-Fetch-Site": "cross-site"}) == 403
    assert account.object("a b+c") == b"old"
    assert status(right) == 200
    assert account.object("a b+c") == (b"new" if method == "PUT" else b"old")


def test_a_session_that_the_account_gave_out_gets_in(account: Account) -> None:
    given = account.client("sts").assume_role(RoleArn=account.role, RoleSessionName="cdk")["Credentials"]
    environment = account.aws.environment | {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    for variable in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER"):
        server = Server(variable, environment)
        assert server.answer(server.signed())[0] == 200
        assert server.answer(server.signed(AWS_SECRET_ACCESS_KEY="test"))[0] == 403  # noqa: S106
    # But only the root user may ask for secrets and roles.
    body = json.dumps({"access_key": account.aws.environment["AWS_ACCESS_KEY_ID"]}).encode()
    head = Request("POST", "/_local_aws/secrets", [("Host", Server("AWS_ENDPOINT_URL", environment).host)])
    headers = [*head.headers, *sign(head, body, service="iam", environment=environment).items()]
    request = raw(head.method, head.target, [*headers, ("Content-Length", str(len(body)))], body)
    assert (
        account.aws.environment["AWS_SECRET_ACCESS_KEY"]
        not in Server("AWS_ENDPOINT_URL", environment).answer(request)[1]
    )
