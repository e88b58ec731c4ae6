"""Asks ministack's IAM for the services beside it: whether a call is allowed, and for the credentials of a role."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.request
from typing import Any

from local_aws.api_errors import ApiError
from local_aws.aws_json import Call, Permission


class IamAuthorizer:
    """The client of ministack_patches/iam_endpoints.py. endpoint, ca_bundle: ministack's."""

    def __init__(self, endpoint: str, ca_bundle: str) -> None:
        self._endpoint = endpoint
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca_bundle)),
        )

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

    def _ask(self, path: str, question: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(question).encode()
        with self._opener.open(f"{self._endpoint}/_local_aws/{path}", data=body, timeout=60) as response:
            answer: dict[str, Any] = json.load(response)
        return answer
