"""All checks, in the order of the report: what the next ones need comes first, then the others side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import boto3

from runs.doctor import account_checks, input_checks, role_check, stack_checks
from runs.doctor.account import Account
from runs.doctor.check import Check, side_by_side
from runs.doctor.result import Rating, Result

SECONDS = 10.0
"""How long a person waits for what does not answer."""

_OUTPUTS, _TEMPLATE, _RESOURCES = (
    f"cloudformation:{action}" for action in ("DescribeStacks", "GetTemplate", "ListStackResources")
)

FIRST = (
    Check(subject="credentials", needs=("sts:GetCallerIdentity",), look=stack_checks.credentials),
    Check(subject="stack", needs=(_OUTPUTS,), look=stack_checks.stack),
)
"""One after the other: without them nothing else can be looked at."""

THEN = (
    Check(subject="version", needs=(_OUTPUTS,), look=stack_checks.version),
    Check(
        subject="quotas",
        needs=(_TEMPLATE, _RESOURCES, "servicequotas:ListServiceQuotas"),
        look=account_checks.quotas,
    ),
    Check(subject="prices", needs=(_TEMPLATE, _RESOURCES, "pricing:GetProducts"), look=account_checks.prices),
    Check(subject="image", needs=(_TEMPLATE, _RESOURCES, "ecr:BatchGetImage"), look=account_checks.image),
    Check(subject="weights", needs=(_TEMPLATE, _RESOURCES, "s3:ListBucket"), look=input_checks.weights),
    Check(
        subject="data set", needs=(_TEMPLATE, _RESOURCES, "s3:ListBucket", "s3:GetObject"), look=input_checks.dataset
    ),
    Check(
        subject="permissions",
        needs=(_TEMPLATE, _RESOURCES, "iam:SimulatePrincipalPolicy"),
        look=role_check.permissions,
    ),
    Check(
        subject="functions", needs=(_TEMPLATE, _RESOURCES, "lambda:GetAccountSettings"), look=account_checks.functions
    ),
    Check(subject="messages", needs=(_OUTPUTS, "sns:GetTopicAttributes"), look=stack_checks.messages),
    Check(subject="serving", needs=(_OUTPUTS,), look=stack_checks.serving),
)
"""Side by side."""


def examine(session: boto3.Session, stack_name: str, *, seconds: float = SECONDS) -> Iterator[Result]:
    """The results of all checks, or of the first ones up to one that is bad, each as soon as it is there."""
    account = Account(session, stack_name)
    for check in FIRST:
        (result,) = side_by_side([check], account, seconds=seconds)
        if result.rating is Rating.NOT_LOOKED_AT:
            result = replace(result, rating=Rating.BAD)
        yield result
        if result.rating is Rating.BAD:
            return
    yield from side_by_side(THEN, account, seconds=seconds)
