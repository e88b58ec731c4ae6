"""An account in which a run can start, over plain answers: a test changes one of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from checkout.version import code_version
from dataset_contract.coco_types import Category, CocoDataset
from dataset_contract.layout import SPLITS, annotations_path
from dataset_contract.manifest import FileEntry, build_manifest, manifest_to_bytes
from local_aws.pricing import product
from tests.runs.cloud_in_memory import OUTPUTS, refusal

TOPIC = "arn:aws:sns:us-east-1:123456789012:topic"
ROLE = "arn:aws:iam::123456789012:role/FloorplanDino-Launch"
REGISTRY = "763104351884"
KEYS = [f"arn:aws:kms:us-east-1:123456789012:key/{number}" for number in (1, 2)]
WEIGHTS = "pretrained/resnet50-0676ba61.pth"
LIST, GET = "s3.list_objects_v2", "s3.get_object"
QUOTAS = {"spot ": 1.0, "": 1.0}
"""Of the default type."""

OPERATION_OF = {
    "cloudformation:DescribeStacks": "cloudformation.describe_stacks",
    "cloudformation:GetTemplate": "cloudformation.get_template",
    "cloudformation:ListStackResources": "cloudformation.list_stack_resources",
    "ecr:BatchGetImage": "ecr.batch_get_image",
    "iam:SimulatePrincipalPolicy": "iam.simulate_principal_policy",
    "lambda:GetAccountSettings": "lambda.get_account_settings",
    "pricing:GetProducts": "pricing.get_products",
    "s3:GetObject": GET,
    "s3:ListBucket": LIST,
    "servicequotas:ListServiceQuotas": "service-quotas.list_service_quotas",
    "sns:GetTopicAttributes": "sns.get_topic_attributes",
    "sts:GetCallerIdentity": "sts.get_caller_identity",
}
"""The call that each IAM action is for."""

TEMPLATE: dict[str, Any] = {
    "Resources": {
        "Resolve": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Handler": "pipeline.steps.resolve.handler",
                "MemorySize": 256,
                "Environment": {
                    "Variables": {
                        "DATASET_PREFIX": "dino-data",
                        "PRESET": "test",
                        "INSTANCE_TYPE": "ml.g5.2xlarge",
                        "QUALITY_GATE": '{"room": 0.9}',
                        "HIGHEST_COST_USD": "200",
                    }
                },
            },
        },
        "Launch": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Handler": "pipeline.steps.launch.handler",
                "MemorySize": 1769,
                "Environment": {
                    "Variables": {
                        "BUCKET": {"Ref": "Bucket"},
                        "TRAINING_IMAGE": f"{REGISTRY}.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13",
                        "TRAINING_ROLE_ARN": {"Fn::GetAtt": ["Role", "Arn"]},
                        "CODE_ASSET_BUCKET": "assets",
                        "CODE_ASSET_KEY": "key",
                        "WATCH_INTERVAL_SECONDS": "60",
                    }
                },
            },
        },
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
        "Policy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "Roles": [{"Ref": "Role"}],
                "PolicyDocument": {
                    "Statement": [
                        {
                            "Action": "s3:ListBucket",
                            "Resource": {"Fn::GetAtt": ["Bucket", "Arn"]},
                            "Condition": {"StringLike": {"s3:prefix": ["locks/*", "reports/*"]}},
                        },
                        {"Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Resource": KEYS},
                        {"Action": "ecr:BatchGetImage", "Resource": f"arn:aws:ecr:us-east-1:{REGISTRY}:repository/p"},
                    ]
                },
            },
        },
    }
}
PHYSICAL_IDS = {"Bucket": OUTPUTS["DatasetBucketName"], "Role": ROLE.rpartition("/")[2]}


def dataset() -> dict[str, bytes]:
    """The objects of a data set without images, which is what the listing is compared with."""
    categories = (Category(1, "room"),)
    splits = {split: CocoDataset(images=(), annotations=(), categories=categories) for split in SPLITS}
    files = {annotations_path(split): b"{}" for split in SPLITS}
    entries = [FileEntry(path, len(content), hashlib.sha256(content).hexdigest()) for path, content in files.items()]
    manifest = build_manifest(tool="test", source={}, options={}, datasets=splits, files=entries)
    return {f"dino-data/{path}": content for path, content in files.items()} | {
        "dino-data/manifest.json": manifest_to_bytes(manifest)
    }


class SoundAccount:
    """Pass it for a boto3.Session. `answers` has for each "service.operation" a value, an error, or what makes one."""

    def __init__(self) -> None:
        self.region_name: str | None = "us-east-1"
        self.objects = {WEIGHTS: b"weights", **dataset()}
        self.quotas = dict(QUOTAS)
        self.outputs = {**OUTPUTS, "TopicArn": TOPIC, "CodeVersion": code_version()}
        self.statuses = {"FloorplanDino": "UPDATE_COMPLETE"}
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        self.answers: dict[str, Any] = {
            "sts.get_caller_identity": {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/me"},
            "cloudformation.describe_stacks": self._describe_stacks,
            "cloudformation.get_template": {"TemplateBody": json.loads(json.dumps(TEMPLATE))},
            "cloudformation.list_stack_resources": {
                "StackResourceSummaries": [
                    {"LogicalResourceId": name, "PhysicalResourceId": found} for name, found in PHYSICAL_IDS.items()
                ]
            },
            "service-quotas.list_service_quotas": lambda **_: {
                "Quotas": [
                    {"QuotaName": f"ml.g5.2xlarge for {kind}training job usage", "Value": value}
                    for kind, value in self.quotas.items()
                ]
            },
            "pricing.get_products": {
                "PriceList": [json.dumps(product("ml.g5.2xlarge", "Training", "1.515", "us-east-1"))]
            },
            "ecr.batch_get_image": {"images": [{}], "failures": []},
            LIST: self._list_objects,
            GET: lambda *, Key, **_: {"Body": BytesIO(self.objects[Key])},
            "iam.simulate_principal_policy": lambda **asked: {"EvaluationResults": decisions(asked, "allowed")},
            "lambda.get_account_settings": {"AccountLimit": {"UnreservedConcurrentExecutions": 10}},
            "sns.get_topic_attributes": {"Attributes": {"SubscriptionsConfirmed": "1", "SubscriptionsPending": "0"}},
        }

    def client(self, service: str, **_: Any) -> Any:
        return Client(self, service)

    def template(self) -> dict[str, Any]:
        """That of the deployed stack, to be changed."""
        body: dict[str, Any] = self.answers["cloudformation.get_template"]["TemplateBody"]
        return body

    def _describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        if StackName not in self.statuses:
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist", "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        return {"Stacks": [{"StackStatus": self.statuses[StackName], "Outputs": outputs}]}

    def _list_objects(self, *, Prefix: str, **_: Any) -> dict[str, Any]:
        return {
            "Contents": [
                {"Key": key, "Size": len(content)} for key, content in self.objects.items() if key.startswith(Prefix)
            ]
        }


class Client:
    """Of one service: each operation, and each paginator's one page, is the account's answer."""

    def __init__(self, account: SoundAccount, service: str) -> None:
        self._account, self._service = account, service

    def __getattr__(self, operation: str) -> Any:
        def call(**asked: Any) -> Any:
            name = f"{self._service}.{operation}"
            self._account.calls.append((name, asked))
            answer = self._account.answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer(**asked) if callable(answer) else answer

        return call

    def get_paginator(self, operation: str) -> Any:
        def pages(**asked: Any) -> Iterator[Any]:
            yield getattr(self, operation)(**asked)

        return SimpleNamespace(paginate=pages)


def decisions(asked: Mapping[str, Any], decision: str) -> list[dict[str, Any]]:
    """What IAM answers to a simulation: the decision for each action on each resource."""
    return [
        {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decision}
        for action in asked["ActionNames"]
        for resource in asked["ResourceArns"]
    ]
