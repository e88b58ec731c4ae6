"""Statements of policies in the form in which tests write them down and compare them."""

from __future__ import annotations

from typing import Any

from stacks.template_text import readable

Resources = dict[str, list[dict[str, Any]]]
Statement = tuple[frozenset[str], frozenset[str], str]
"""Actions, resources, condition."""

BUCKET = "<DatasetBucket.Arn>"
JOBS = "arn:aws:sagemaker:us-east-1:123456789012:training-job/floorplan-dino-*"
PACKAGES = "arn:aws:sagemaker:us-east-1:123456789012:model-package/floorplan-dino/*"
TRAINING_LOGS = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/TrainingJobs*"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:FloorplanDino-Training"
EXECUTIONS = "arn:aws:states:us-east-1:123456789012:execution:FloorplanDino-Training:*"


def allow(*actions: str, on: str | set[str], when: str = "{}") -> Statement:
    return frozenset(actions), frozenset({on} if isinstance(on, str) else on), when


def statement_of(statement: dict[str, Any]) -> Statement:
    """What a template has, with the account's number, the region and no hash of code."""
    actions, resources = statement["Action"], statement["Resource"]
    texts = [readable(item) for item in (resources if isinstance(resources, list) else [resources])]
    texts = [text.replace("${AWS::AccountId}", "123456789012").replace("${AWS::Region}", "us-east-1") for text in texts]
    texts = ["/".join([*text.split("/")[:-1], "CODE.zip"]) if text.endswith(".zip") else text for text in texts]
    return allow(
        *(actions if isinstance(actions, list) else [actions]), on=set(texts), when=str(statement.get("Condition", {}))
    )
