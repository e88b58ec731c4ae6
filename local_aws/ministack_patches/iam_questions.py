"""What ministack's IAM is asked for the services beside it: is a call allowed, and credentials.

ministack 1.5.33 decides for its own services only.
"""

from __future__ import annotations

import base64
import importlib
import os
import secrets
from typing import Any


def authorize(question: dict[str, Any]) -> dict[str, Any]:
    """Check a call's signature and its caller's policies; {} if it is allowed, else `code` and `message`.

    question: the call's path, headers (pairs) and body (base64), and the action, resource and condition keys.
    """
    app: Any = importlib.import_module("ministack.app")
    evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
    raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in question["headers"]]
    headers = {name.lower(): value for name, value in question["headers"]}
    key = app.extract_access_key_id(headers, {})
    app.set_request_account_id(app._request_account_scope(key))
    app.set_request_region(app.extract_region(headers, {}))
    evaluator.pin_request_origin("127.0.0.1", True)
    evaluator.pin_signed_request("POST", question["path"], {}, raw_headers)
    evaluator.pin_signed_body(base64.b64decode(question["body"]))
    return denial(key, question["action"], question["resource"], question["conditions"])


def denial(key: str, action: str, resource: str, conditions: dict[str, str]) -> dict[str, Any]:
    """{} if the caller with this access key may do this, else `code` and `message`."""
    actions: Any = importlib.import_module("ministack.core.iam_actions")
    evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
    region = os.environ["AWS_REGION"]
    denied = evaluator.enforce(key, action, action.partition(":")[0], region, resource, service_context=conditions)
    if denied is None:
        return {}
    if isinstance(denied, evaluator.AuthError):
        return {"code": denied.code, "message": denied.message}
    message = actions.identity_denial_message(action, denied.principal_arn, resource, denied.decision == "Deny")
    return {"code": "AccessDeniedException", "message": message}


def secret_of(question: dict[str, Any]) -> dict[str, Any]:
    """The `secret` that belongs to an `access_key`; None if there is none."""
    return {"secret": secret_key_of(question["access_key"])}


def secret_key_of(access_key: str) -> str | None:
    """The secret key of this run's access key, or of one that ministack has given out: to sessions and to users."""
    if access_key == os.environ["AWS_ACCESS_KEY_ID"]:
        return os.environ["AWS_SECRET_ACCESS_KEY"]
    sessions: dict[str, Any] = importlib.import_module("ministack.services.sts")._sessions
    if access_key in sessions:
        return str(sessions[access_key]["SecretAccessKey"])
    users: Any = importlib.import_module("ministack.services.iam")._access_keys
    return next((each["SecretAccessKey"] for (_, key), each in users.to_dict().items() if key == access_key), None)


def role_credentials(question: dict[str, Any]) -> dict[str, Any]:
    """Credentials of a role, for a service that the role trusts; the caller has checked that."""
    sts: Any = importlib.import_module("ministack.services.sts")
    _, _, _, _, account, role = question["role"].split(":", 5)
    key = f"ASIA{secrets.token_hex(8).upper()}"
    secret, token = secrets.token_hex(20), secrets.token_hex(32)
    name = role.rpartition("/")[2]
    sts.register_session(
        key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{name}/{question['session']}",
            "UserId": f"{name}:{question['session']}",
            "SecretAccessKey": secret,
            "SessionToken": token,
        },
    )
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
