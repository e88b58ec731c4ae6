"""The page of permissions is what the template grants, with a reason for each."""

from pathlib import Path
from typing import Any

import pytest

from docs import permissions


@pytest.fixture(scope="module")
def template(with_serving: Path) -> dict[str, Any]:
    return permissions.merged(with_serving)


def test_the_page_is_written_by_the_command(template: dict[str, Any]) -> None:
    assert permissions.PAGE.read_text() == permissions.page(template), "python -m docs.permissions writes it"


def test_every_action_of_every_policy_is_on_the_page(template: dict[str, Any]) -> None:
    policies = [
        each["Properties"]
        for each in template["Resources"].values()
        if each["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
    ]
    statements = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    listed = [action for _, actions, _, _ in permissions.rows(template) for action in actions]
    assert len(listed) == sum(len(permissions._several(statement["Action"])) for statement in statements)


def test_every_reason_is_needed(template: dict[str, Any]) -> None:
    assert {reason for *_, reason in permissions.rows(template)} == set(permissions.WHY.values())


def test_a_permission_without_a_reason_is_told() -> None:
    with pytest.raises(KeyError, match=r"Say why in docs/permissions\.py: s3:DeleteBucket"):
        permissions.why("s3:DeleteBucket", "<DatasetBucket.Arn>")
