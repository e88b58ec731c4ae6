"""Asks ministack's IAM for the services beside it: who may call, and for the credentials of a role."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from local_aws.api_errors import ApiError
from local_aws.aws_json import Call, Permission
from local_aws.signature import sign
from loopback.callers import Request


class IamAuthorizer:
    """The client of ministack_patches/iam_endpoints.py. environment: the root user's AWS_* variables."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        trusted = ssl.create_default_context(cafile=environment.get("AWS_CA_BUNDLE"))
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted)
        )

    def secret_of(self, access_key: str) -> str | None:
        """The secret key that belongs to an access key of this account; None for any other."""
        if access_key == self._environment["AWS_ACCESS_KEY_ID"]:
            return self._environment["AWS_SECRET_ACCESS_KEY"]
        secret: str | None = self._ask("secrets", {"access_key": access_key})["secret"]
        return secret

    def authorize(self, call: Call, permission: Permission) -> None:
        """Raise ApiError if the call's signature is wrong or its caller lacks the permission."""
        denial = self._ask(
            "authorize",
            {
                "path": call.path,
                "headers": list(call.headers),
                "body": base64.b64encode(call.body).decode(),
                "action": permission.action,
                "resource": permission.resource,
                "conditions": dict(permission.conditions),
            },
        )
        if denial:
            raise ApiError(denial["code"], denial["message"])

    def role_credentials(self, role_arn: str, session: str) -> dict[str, str]:
        """The AWS_* variables of a session of the role; the caller has checked that the role trusts the service."""
        answer: dict[str, str] = self._ask("role-credentials", {"role": role_arn, "session": session})
        return answer

    def _ask(self, name: str, question: dict[str, Any]) -> dict[str, Any]:
        endpoint, path = self._environment["AWS_ENDPOINT_URL"], f"/_local_aws/{name}"
        body = json.dumps(question).encode()
        head = Request("POST", path, [("host", urllib.parse.urlsplit(endpoint).netloc)])
        headers = sign(head, body, service="iam", environment=self._environment)
        request = urllib.request.Request(endpoint + path, data=body, headers=headers)  # noqa: S310  the loopback
        with self._opener.open(request, timeout=60) as response:
            answer: dict[str, Any] = json.load(response)
        return answer
