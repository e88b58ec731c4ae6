"""The deployed template with its values resolved: the functions' environments and the roles' permissions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_ARNS = {
    "AWS::IAM::Role": "arn:{partition}:iam::{account}:role/{id}",
    "AWS::KMS::Key": "arn:{partition}:kms:{region}:{account}:key/{id}",
    "AWS::Lambda::Function": "arn:{partition}:lambda:{region}:{account}:function:{id}",
    "AWS::Logs::LogGroup": "arn:{partition}:logs:{region}:{account}:log-group:{id}:*",
    "AWS::S3::Bucket": "arn:{partition}:s3:::{id}",
}
"""Type -> ARN, of those whose physical id is a name. That of others, such as a topic, is the ARN itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What one statement of a role's policy allows: each action on each resource."""

    role_arn: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    """With wildcards."""
    conditions: Mapping[str, str] = field(default_factory=dict)
    """Condition key -> a value, with wildcards, that it may have."""


class Template:
    """A template of CloudFormation, as JSON, and what its resources are called in the account."""

    def __init__(
        self, body: Mapping[str, Any], *, physical_ids: Mapping[str, str], account: str, partition: str, region: str
    ) -> None:
        self._resources: Mapping[str, Any] = body["Resources"]
        self._mappings: Mapping[str, Any] = body.get("Mappings", {})
        self._physical_ids = physical_ids
        self._place = {"account": account, "partition": partition, "region": region}
        self._pseudo = {
            "AWS::AccountId": account,
            "AWS::Partition": partition,
            "AWS::Region": region,
            "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
        }

    def functions(self) -> list[Mapping[str, Any]]:
        """The properties of all Lambda functions, unresolved."""
        return [properties for _, properties in self._of_type("AWS::Lambda::Function")]

    def environment_of(self, handler: str) -> dict[str, str]:
        """The environment variables of the function with this handler; empty if there is none."""
        for properties in self.functions():
            if properties.get("Handler") == handler:
                variables = properties.get("Environment", {}).get("Variables", {})
                return {name: self.resolve(value) for name, value in variables.items()}
        return {}

    def grants(self) -> Iterator[Grant]:
        """What the policies of the stack's roles allow, statement by statement."""
        for _, properties in self._of_type("AWS::IAM::Policy"):
            for role in properties["Roles"]:
                for statement in properties["PolicyDocument"]["Statement"]:
                    yield Grant(
                        role_arn=_ARNS["AWS::IAM::Role"].format(id=self.resolve(role), **self._place),
                        actions=tuple(_several(statement["Action"])),
                        resources=tuple(map(self.resolve, _several(statement["Resource"]))),
                        conditions={
                            key: self.resolve(_several(value)[0])
                            for keys in statement.get("Condition", {}).values()
                            for key, value in keys.items()
                        },
                    )

    def resolve(self, value: Any) -> str:  # noqa: ANN401 - a template's value
        """A template's value as it is in the account. Raises ValueError for a function that is not known here."""
        if isinstance(value, str):
            return value
        ((function, argument),) = value.items()
        known: dict[str, Callable[[Any], str]] = {
            "Ref": self._reference,
            "Fn::FindInMap": self._in_map,
            "Fn::GetAtt": self._arn,
            "Fn::Join": lambda given: str(given[0]).join(map(self.resolve, given[1])),
            "Fn::Select": self._selected,
            "Fn::Sub": lambda given: re.sub(r"\$\{([^}]+)\}", lambda found: self._reference(found[1]), given),
        }
        if function not in known:
            raise ValueError(f"The deployed template has {function}, which is not known here.")
        return known[function](argument)

    def _reference(self, name: str) -> str:
        return self._pseudo.get(name) or self._physical_ids[name]

    def _in_map(self, given: list[Any]) -> str:
        name, first, second = given
        return str(self._mappings[name][self.resolve(first)][self.resolve(second)])

    def _selected(self, given: list[Any]) -> str:
        index, parts = given
        separator, text = parts["Fn::Split"]
        return self.resolve(text).split(separator)[int(index)]

    def _arn(self, given: list[str]) -> str:
        logical_id, attribute = given
        kind, physical_id = self._resources[logical_id]["Type"], self._physical_ids[logical_id]
        if attribute != "Arn":
            raise ValueError(f"The deployed template has {attribute} of {logical_id}, which is not known here.")
        return _ARNS[kind].format(id=physical_id, **self._place) if kind in _ARNS else physical_id

    def _of_type(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for logical_id, resource in self._resources.items():
            if resource["Type"] == kind:
                yield logical_id, resource["Properties"]


def _several(value: Any) -> list[Any]:  # noqa: ANN401 - a template's value
    return value if isinstance(value, list) else [value]
