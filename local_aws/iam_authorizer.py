"""Asks ministack's IAM for the services beside it: who may call, and for the credentials of a role."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from local_aws.api_errors import ApiError
from local_aws.aws_json import Call, Permission
from local_aws.ministack_questions import MinistackQuestions


class IamAuthorizer:
    """The client of ministack_patches/iam_questions.py. environment: the root user's AWS_* variables."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._ask = MinistackQuestions(environment).ask

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
        return self._ask("role-credentials", {"role": role_arn, "session": session})
