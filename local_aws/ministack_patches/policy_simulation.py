"""SimulatePrincipalPolicy for several resources, with context keys and a permissions boundary.

ministack 1.5.33 looks at the first resource only, and at neither context keys nor boundaries; and with IAM enforced it
wants the permission for the call on everything, not on the role whose policies are simulated.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny"}


@dataclass(frozen=True)
class Simulated:
    """What a request simulates for each action; it goes through ministack in place of the one resource."""

    resources: Sequence[str]
    context: dict[str, str]


def apply() -> None:
    """Replace how a request is read, what it needs a permission on, and how its results are made."""
    actions_of_iam: Any = importlib.import_module("ministack.core.iam_actions")
    iam: Any = importlib.import_module("ministack.services.iam")
    evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")

    def read(params: dict[str, Any]) -> tuple[list[str], Simulated]:
        actions, _ = first_resource(params)
        entries = members(iam, params, "ContextEntries", ".ContextKeyName")
        values = members(iam, params, "ContextEntries", ".ContextKeyValues.member.1")
        context = {key.lower(): value for key, value in zip(entries, values, strict=True)}
        return actions, Simulated(list(members(iam, params, "ResourceArns", "")) or ["*"], context)

    def results(actions: list[str], simulated: Simulated, principal: str, account: str, policies: list[Any]) -> str:
        name = principal.rpartition("/")[2]
        store = iam._roles if ":role/" in principal else iam._users
        limits = evaluator._permissions_boundary(store, name, account)

        def decision(action: str, resource: str) -> str:
            context = evaluator.EvalContext(
                principal_arn=principal,
                principal_type="AssumedRole" if store is iam._roles else "User",
                principal_account=account,
                action=action,
                resource_arn=resource,
                region=iam.get_region(),
                service_context=simulated.context,
            )
            return DECISIONS.get(evaluator.evaluate(context, policies, *limits).decision, "implicitDeny")

        return "".join(
            f"<member><EvalActionName>{escape(action)}</EvalActionName>"
            f"<EvalResourceName>{escape(resource)}</EvalResourceName>"
            f"<EvalDecision>{decision(action, resource)}</EvalDecision>"
            "<MatchedStatements/><MissingContextValues/></member>"
            for action in actions
            for resource in simulated.resources
        )

    def resource(service: str, *request: Any) -> str:  # noqa: ANN401 - as ministack hands it over
        *_, params, _region, _account = request
        simulated = actions_of_iam._query_param(params, "PolicySourceArn") if service == "iam" else ""
        return str(simulated or resource_of(service, *request))

    resource_of, actions_of_iam.extract_resource_arn = actions_of_iam.extract_resource_arn, resource
    first_resource = iam._extract_simulate_params
    iam._extract_simulate_params, iam._build_simulate_results_real = read, results


def members(iam: Any, params: dict[str, Any], name: str, rest: str) -> Iterator[str]:  # noqa: ANN401
    """The values of a list of the request's form, in their order."""
    number = 1
    while value := iam._p(params, f"{name}.member.{number}{rest}"):
        yield value
        number += 1
