"""Whether the stack's roles may do what their code calls, by AWS's own simulation.

What that is, stacks/permissions.py says, as docs/permissions.md tells it: it is in the deployed template. That a role
may still not do it has its reason outside: somebody changed the role, a boundary, or a policy of the organisation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from botocore.exceptions import ClientError
from pipeline.aws_errors import error_code

from runs.doctor.account import Account
from runs.doctor.daemon_threads import begin
from runs.doctor.result import Result, bad, good
from runs.doctor.template import Grant

_AT_ONCE = 16
_SHOWN = 2
_ANY = "x"
"""Stands for what a wildcard stands for: the simulation takes a resource's name literally."""


def permissions(subject: str, account: Account) -> Result:
    """Simulates each statement of each role."""
    grants, iam = list(account.template.grants()), account.client("iam")
    own = [replace(grant, resources=_own(grant.resources, account.identity.account)) for grant in grants]
    simulations = begin(
        [partial(_denied, iam, grant, account.region) for grant in own if grant.resources], threads=_AT_ONCE
    )
    denied = [sentence for simulation in simulations for sentence in simulation.result()]
    if denied:
        more = f"; and {len(denied) - _SHOWN:,} more" if len(denied) > _SHOWN else ""
        return bad(
            subject,
            f"{'; '.join(denied[:_SHOWN])}{more}.",
            "`cdk deploy` gives the roles their policies again; if that does not help, a permissions boundary or a "
            "policy of your organisation denies it.",
        )
    roles = len({grant.role_arn for grant in grants})
    return good(subject, f"{roles} roles may do all that their code calls")


def _own(resources: Sequence[str], account: str) -> tuple[str, ...]:
    """Those of this account: of others, such as AWS's registry, their owner's policy decides, too, and is not known."""
    return tuple(resource for resource in resources if resource == "*" or resource.split(":")[4] in ("", account))


def _denied(iam: Any, grant: Grant, region: str) -> list[str]:  # noqa: ANN401 - IAM's client
    """What the role may not do of what the statement allows, as clauses."""
    try:
        return list(_simulated(iam, grant, grant.actions, region))
    except ClientError as error:
        # AWS simulates some actions only apart from others, which "require different authorization information".
        if error_code(error) not in ("InvalidInput", "InvalidInputException") or len(grant.actions) == 1:
            raise
    return [sentence for action in grant.actions for sentence in _simulated(iam, grant, (action,), region)]


def _simulated(
    iam: Any,  # noqa: ANN401 - IAM's client
    grant: Grant,
    actions: tuple[str, ...],
    region: str,
) -> Iterator[str]:
    resources = [resource if resource == "*" else resource.replace("*", _ANY) for resource in grant.resources]
    known = {"aws:RequestedRegion": region, **grant.conditions}  # a boundary may ask for the region
    context = [
        {"ContextKeyName": key, "ContextKeyValues": [value.replace("*", _ANY)], "ContextKeyType": "string"}
        for key, value in known.items()
    ]
    pages = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=grant.role_arn,
        ActionNames=[action.removesuffix("*") for action in actions],
        ResourceArns=resources,
        ContextEntries=context,
    )
    role = grant.role_arn.rsplit("/", 1)[-1]
    for page in pages:
        for result in page["EvaluationResults"]:
            if result["EvalDecision"] != "allowed":
                yield f"The role {role} may not {result['EvalActionName']} on {result.get('EvalResourceName', '*')}"
