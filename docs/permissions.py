"""Writes docs/permissions.md, what each role of the stacks may do and why, from their templates.

python -m docs.permissions
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from app import PIPELINE, SERVING, add_stacks
from stacks.configuration import Configuration
from stacks.template_text import readable

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "permissions.md"
ACCOUNT, REGION = "123456789012", "us-east-1"
HEAD = """# Permissions

<!-- Written by `python -m docs.permissions`; do not edit. -->

What each role of the stacks may do, from their templates as `cdk.json` configures them. Nothing else is allowed: no
role has a managed policy. The managed policies are for people; the stacks attach them to nobody. Names in angle
brackets are known only after the deployment. With a key of your own (`kms_key_arn`), who reads or writes the bucket may
use it. ServingRole, BatchesRole, CallersPolicy and CallersBatchPolicy are there with [serving](serving.md) only.
"""
WHY = {
    "states:StartExecution *-Batches": "start a batch, by a person, or one of its plans, by the map",
    "states:ListExecutions *-Batches": "see whether a batch runs",
    "states:* *:mapRun:*": "see how far a batch is, and which plans failed",
    "states:RedriveExecution *-Batches*": "redrive the plans of a batch",
    "states:StopExecution *-Batches*": "stop a batch or its plans",
    "states:* *-Batches*": "follow a batch, and see why a plan failed",
    "s3:PutObject */batches/lists/[*], */batches/plans/[*]": "bring plans, and the list of them",
    "s3:GetObject */batches/lists/[*]": "read which plans a batch has",
    "s3:* */batches/results/[*]": "write what became of each plan",
    "s3:GetObject */batches/plans/[*], */plans/[*], *": "read plans and the approved model",
    "s3:DeleteObject */dino-data[*]": "remove what another version of the data set left (`--replace`), and baselines",
    "s3:* */dino-data[*], */pretrained/[*]": "upload data, weights and baselines, and compare with what is there",
    "s3:GetObject */reports/[*], */training-jobs/*": "fetch what a run left, and the data on which models are compared",
    "cloudformation:DescribeStacks *": "find the state machine and the bucket, and see whether all is deployed",
    "cloudformation:* *": "see what is deployed (`python -m runs doctor`)",
    "iam:SimulatePrincipalPolicy *": "see whether the roles may do what their code calls (`python -m runs doctor`)",
    "lambda:GetAccountSettings *": "see how many functions may run (`python -m runs doctor`)",
    "sns:GetTopicAttributes *": "see whether anybody is told of ends (`python -m runs doctor`)",
    "states:ListExecutions *": "list the runs",
    "states:GetExecutionHistory *": "see how a run went, and how many of its events are used up",
    "states:[GRS]* *:FloorplanDino-Training:[*]": "follow, redrive or stop a run",
    "lambda:InvokeFunction* <ServingFunction.Arn>": "have a plan predicted that is posted, or one of a batch",
    "sqs:SendMessage <ServingDeadLetters.Arn>": "keep what it could not handle",
    "s3:PutObject */plans/[*]": "bring a plan",
    "s3:GetObject */plans/[*], */predictions/[*]": "read plans and answers",
    "s3:PutObject */predictions/[*]": "file the answer",
    "xray:* *": "send traces",
    "logs:* <*Logs.Arn>": "write its own log",
    "logs:Describe* *log-group:/aws/sagemaker/TrainingJobs*": "find the streams of a training job's log",
    "logs:Get* *log-group:/aws/sagemaker/TrainingJobs*": "read a training job's log: progress, and why it failed",
    "logs:* *log-group:/aws/sagemaker/TrainingJobs*": "write the training job's log",
    "logs:* [*]": "write the state machine's log, by log delivery",
    "cloudwatch:PutMetricData *": "publish figures, in one namespace only",
    "s3:ListBucket *": "see which objects there are: without it, one that is missing reads as denied",
    "s3:GetObject */dino-data[*]": "read a data set",
    "s3:GetObject */baselines/[*], *": "read baselines, whose plans they are about, and how long earlier stages took",
    "s3:GetObject */training-code/*": "give the job data set, code, weights or model, baselines, and checkpoints",
    "s3:GetObject */reports/*": "read what an earlier step found out about the data set",
    "s3:PutObject */reports/[*]/message-[*].json": "file the message that was sent",
    "s3:PutObject *, */runs/*": "keep what a stage took, and its metrics",
    "s3:PutObject */reports/[*]/baselines-[*]": "keep the baselines that a run compares with",
    "s3:PutObject */reports/*": "write the report on the data set",
    "s3:* */locks/*": "take, look at or release a data set's lock",
    "s3:GetObject *cdk-*-assets-*": "copy the deployed training code",
    "s3:PutObject */training-code/*": "keep the copy of the training code that the job gets",
    "s3:GetObject */checkpoints/[*]/metrics.json": "read how the job judges itself, and how F1 rose",
    "s3:GetObject */training-jobs/*": "read the trained model and its metrics",
    "s3:DeleteObject */checkpoints/*": "remove checkpoints that the job has removed",
    "s3:* */checkpoints/*": "keep checkpoints and the trained model",
    "iam:PassRole <TrainingRole.Arn>": "start jobs under the training role, by SageMaker only",
    "sagemaker:CreateTrainingJob *": "start a job",
    "sagemaker:DescribeTrainingJob *": "look at a job",
    "sagemaker:StopTrainingJob *": "stop a job",
    "sagemaker:ListTrainingJobs *": "find jobs that run without an execution, or that have just ended",
    "sagemaker:*Tags *training-job/*": "know by its tag which execution a job belongs to",
    "sagemaker:ListModelPackages *": "see which models are approved",
    "sagemaker:* *model-package-group*": "register the model in the one group, after a look at the last accepted one",
    "sagemaker:Describe* *model-package/*": "see where a model is, and whether it is approved",
    "sagemaker:* *model-package/*": "approve a model, or go back to the one before",
    "ecr:GetAuthorizationToken *": "log in to pull the training image",
    "ecr:* *": "pull the training image, or see whether it is there; SageMaker asks it of who registers a model, too",
    "pricing:GetProducts *": "ask what an hour costs",
    "servicequotas:ListServiceQuotas *": "ask how many instances the account may have",
    "sns:Publish *": "tell how a run ended",
    "kms:* <NotificationsKey.Arn>": "encrypt what goes to the topic",
    "states:DescribeExecution *:FloorplanDino-Training:[*]": "see whether an execution still runs",
    "states:StartExecution *": "start an execution, by a person, for a new data set or for a batch of images",
    "states:* *": "wait for, stop or redrive the batches of images",
    "lambda:InvokeFunction *": "call the steps",
}
"""The first pattern of "action resources" that fits tells why."""


def synthesised() -> dict[str, Any]:
    """The template of both stacks with cdk.json's configuration and serving, with an empty folder for all wheels."""
    with tempfile.TemporaryDirectory() as scratch:
        wheels = Path(scratch) / "wheels"
        wheels.mkdir()
        context = json.loads((ROOT / "cdk.json").read_text())["context"] | {"serving": "true"}
        app = cdk.App(context=context, outdir=f"{scratch}/cdk.out")
        env = cdk.Environment(account=ACCOUNT, region=REGION)
        configuration = Configuration.from_context(app.node.try_get_context)
        add_stacks(app, configuration, env, wheels=lambda: wheels, layer_wheels=lambda: wheels)
        return merged(Path(app.synth().directory))


def merged(assembly: Path) -> dict[str, Any]:
    """One template with the resources and outputs of both stacks of a cloud assembly, whose names differ."""
    stacks = [json.loads((assembly / f"{name}.template.json").read_text()) for name in (PIPELINE, SERVING)]
    return {
        part: {name: value for stack in stacks for name, value in stack[part].items()}
        for part in ("Resources", "Outputs")
    }


def rows(template: Mapping[str, Any]) -> Iterator[tuple[str, list[str], str, str]]:
    """Role or managed policy, actions, resources with condition, and why, in the order of the stacks' template.

    Raises KeyError without a reason.
    """
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Policy":
            (role,) = resource["Properties"]["Roles"]
        elif resource["Type"] == "AWS::IAM::ManagedPolicy":
            role = {"Ref": logical_id}
        else:
            continue
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            target = ", ".join(map(_shown, _several(statement["Resource"])))
            reasons: defaultdict[str, list[str]] = defaultdict(list)
            for action in _several(statement["Action"]):
                reasons[why(action, target)].append(action)
            for reason, actions in reasons.items():
                yield _name(role), actions, f"{_code(target)}{_when(statement)}", reason


def why(action: str, target: str) -> str:
    """The reason for an action on these resources. Raises KeyError, with what to do, where there is none."""
    for pattern, reason in WHY.items():
        if fnmatchcase(f"{action} {target}", pattern):
            return reason
    raise KeyError(f"Say why in docs/permissions.py: {action} {target}")


def page(template: Mapping[str, Any]) -> str:
    """The page's text."""
    by_role: defaultdict[str, list[str]] = defaultdict(list)
    for role, actions, target, reason in rows(template):
        by_role[role].append(f"| {_code(', '.join(actions))} | {target} | {reason} |\n")
    takers = {
        _name({"Ref": logical_id}): f"Taken by {_taker(resource['Properties']['AssumeRolePolicyDocument'])}"
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::Role"
    } | {
        _name(output["Value"]): f"A managed policy for people: the output `{name}`"
        for name, output in template["Outputs"].items()
        if name.endswith("PolicyArn")
    }
    parts = [HEAD]
    for role, lines in sorted(by_role.items()):
        parts.append(f"\n## {role}\n\n{takers[role]}.\n\n| action | resource | why |\n|---|---|---|\n")
        parts += sorted(lines)
    return "".join(parts)


def _name(reference: Any) -> str:  # noqa: ANN401  a template's value
    return readable(reference).strip("<>")


def _taker(trust: Mapping[str, Any]) -> str:
    (statement,) = trust["Statement"]
    return f"`{readable(statement['Principal']['Service'])}`{_when(statement)}"


def _when(statement: Mapping[str, Any]) -> str:
    conditions = [
        f"`{key}` is {'not given or ' if operator.endswith('IfExists') else ''}"
        f"{_code(', '.join(map(_shown, _several(value))))}"
        for operator, keys in statement.get("Condition", {}).items()
        for key, value in keys.items()
    ]
    return f", if {' and '.join(conditions)}" if conditions else ""


def _several(value: Any) -> list[Any]:  # noqa: ANN401  a template's value
    return value if isinstance(value, list) else [value]


def _shown(value: object) -> str:
    """A template's value, without what differs from account to account and from version to version."""
    text = readable(value).replace(">[6]", ".Name>")  # the seventh part of an ARN
    for word, known in (("ACCOUNT", ("${AWS::AccountId}", ACCOUNT)), ("REGION", ("${AWS::Region}", REGION))):
        for each in known:
            text = text.replace(each, word)
    return text.rpartition("/")[0] + "/CODE.zip" if text.endswith(".zip") else text


def _code(text: str) -> str:
    return ", ".join(f"`{part}`" for part in text.split(", "))


if __name__ == "__main__":
    PAGE.write_text(page(synthesised()))
