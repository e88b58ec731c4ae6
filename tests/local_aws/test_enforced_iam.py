"""With enforce_iam roles and policies are obeyed: by functions and jobs, in ministack and in the services beside it."""

from __future__ import annotations

import itertools
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.clients import client
from local_aws.embedded import EmbeddedAws
from tests.local_aws.conftest import BUCKET, TRUST_SAGEMAKER, Account, eventually
from tests.local_aws.test_ministack import create_function

CALLER = """
import boto3
def handler(event, context):
    try:
        getattr(boto3.client(event["service"]), event["operation"])(**event["arguments"])
    except Exception as error:
        return str(error)
    return "done"
"""
ROLE = "arn:aws:iam::000000000000:role/any"  # as create_function gives it to functions
TRAINING_JOBS = "arn:aws:sagemaker:us-east-1:000000000000:training-job"
BUCKET_ARN = f"arn:aws:s3:::{BUCKET}"
OVER_TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": [BUCKET_ARN, f"{BUCKET_ARN}/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def allow(action: str | list[str], resource: str, **conditions: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | conditions


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Enforced(Account):
    """An account with a function that calls what it is told to, under a role whose policy a test sets."""

    def call(self, *statements: dict[str, Any], service: str, operation: str, **arguments: Any) -> str:
        """Have the function make the call when its role has these statements; "done", or the error."""
        self.client("iam").put_role_policy(RoleName="any", PolicyName="p", PolicyDocument=policy(*statements))
        event = {"service": service, "operation": operation, "arguments": arguments}
        answer = self.client("lambda").invoke(FunctionName="caller", Payload=json.dumps(event))
        return str(json.load(answer["Payload"]))

    def allow_training(self, *statements: dict[str, Any]) -> None:
        """Give the training role these permissions only."""
        self.client("iam").put_role_policy(RoleName="training", PolicyName="p", PolicyDocument=policy(*statements))


@pytest.fixture(scope="module")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enforced]:
    with EmbeddedAws(tmp_path_factory.mktemp("aws"), wait_scale=0, stop_grace=1, enforce_iam=True) as aws:
        s3, iam = client(aws.environment, "s3"), client(aws.environment, "iam")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(OVER_TLS_ONLY))
        role = iam.create_role(RoleName="training", AssumeRolePolicyDocument=json.dumps(TRUST_SAGEMAKER))["Role"]["Arn"]
        trust_lambda = json.dumps(TRUST_SAGEMAKER).replace("sagemaker.amazonaws.com", "lambda.amazonaws.com")
        iam.create_role(RoleName="any", AssumeRolePolicyDocument=trust_lambda)
        create_function(aws.environment, "caller", CALLER)
        yield Enforced(aws, role, (f"job-{number}" for number in itertools.count()))


def test_a_function_may_do_what_its_role_allows_and_nothing_else(enforced: Enforced) -> None:
    may = allow("s3:PutObject", f"{BUCKET_ARN}/mine/*")
    put = {"service": "s3", "operation": "put_object", "Bucket": BUCKET, "Body": "x"}
    assert enforced.call(may, **put, Key="mine/1") == "done"
    assert "s3:PutObject" in enforced.call(may, **put, Key="other/1")
    assert "AccessDenied" in enforced.call(may, service="s3", operation="delete_object", Bucket=BUCKET, Key="mine/1")


def test_a_state_machine_may_do_what_its_role_allows_and_nothing_else(enforced: Enforced) -> None:
    iam, machines = enforced.client("iam"), enforced.client("stepfunctions")
    trust_states = json.dumps(TRUST_SAGEMAKER).replace("sagemaker.amazonaws.com", "states.amazonaws.com")
    role = iam.create_role(RoleName="machine", AssumeRolePolicyDocument=trust_states)["Role"]["Arn"]
    function = "arn:aws:lambda:us-east-1:000000000000:function:caller"
    batch = {
        "StartAt": "Call",
        "States": {"Call": {"Type": "Task", "Resource": function, "End": True}},
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    }
    states = {
        "Call": {"Type": "Task", "Resource": function, "ResultPath": None, "Next": "Batches"},
        "Batches": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": batch, "End": True},
    }
    machine = machines.create_state_machine(
        name="guarded", definition=json.dumps({"StartAt": "Call", "States": states}), roleArn=role
    )["stateMachineArn"]

    def end(*statements: dict[str, Any]) -> tuple[str, str]:
        iam.put_role_policy(RoleName="machine", PolicyName="p", PolicyDocument=policy(*statements))
        call = {"service": "pricing", "operation": "describe_services", "arguments": {}}
        given = json.dumps(call | {"items": [call]})
        arn = machines.start_execution(stateMachineArn=machine, input=given)["executionArn"]
        eventually(lambda: machines.describe_execution(executionArn=arn)["status"] != "RUNNING", "it has ended")
        described = machines.describe_execution(executionArn=arn)
        return described.get("error", described["status"]), described.get("cause", "")

    invoke = allow("lambda:InvokeFunction", function)
    error, cause = end(allow("lambda:InvokeFunction", f"{function}-other"))
    assert (error, "assumed-role/machine/" in cause) == ("Lambda.AWSLambdaException", True)
    assert f"lambda:InvokeFunction on resource: {function}" in cause
    error, cause = end(invoke)
    assert error == "States.Permissions"
    assert f"states:StartExecution on resource: {machine}" in cause
    assert end(invoke, allow("states:StartExecution", machine)) == ("SUCCEEDED", "")


def test_the_services_beside_ministack_ask_the_same_policies(enforced: Enforced) -> None:
    job = {"service": "sagemaker", "operation": "describe_training_job"}
    may = allow("sagemaker:DescribeTrainingJob", f"{TRAINING_JOBS}/mine-*")
    assert "Requested resource not found" in enforced.call(may, **job, TrainingJobName="mine-1")
    denied = enforced.call(may, **job, TrainingJobName="other-1")
    assert "AccessDeniedException" in denied
    assert (
        f"assumed-role/any/caller is not authorized to perform: {may['Action']} on resource: {TRAINING_JOBS}" in denied
    )
    prices = {"service": "pricing", "operation": "get_products", "ServiceCode": "AmazonSageMaker"}
    assert enforced.call(allow("pricing:GetProducts", "*"), **prices) == "done"
    assert "pricing:GetProducts" in enforced.call(may, **prices)
    quotas = {"service": "service-quotas", "operation": "list_service_quotas", "ServiceCode": "sagemaker"}
    assert enforced.call(allow("servicequotas:ListServiceQuotas", "*"), **quotas) == "done"
    assert "servicequotas:ListServiceQuotas" in enforced.call(may, **quotas)


def test_metrics_may_be_put_into_the_allowed_namespace_only(enforced: Enforced) -> None:
    may = allow("cloudwatch:PutMetricData", "*", Condition={"StringEquals": {"cloudwatch:namespace": "Mine"}})
    put: dict[str, Any] = {"service": "cloudwatch", "operation": "put_metric_data"}
    put["MetricData"] = [{"MetricName": "m", "Value": 1.0}]
    assert enforced.call(may, **put, Namespace="Mine") == "done"
    assert "cloudwatch:PutMetricData" in enforced.call(may, **put, Namespace="Others")


def test_a_job_needs_the_permission_to_pass_its_role_and_to_tag(enforced: Enforced) -> None:
    enforced.allow_training(allow("*", "*"))
    create = allow("sagemaker:CreateTrainingJob", "*")
    passing = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    pass_role = allow("iam:PassRole", enforced.role, Condition=passing)
    pass_elsewhere = allow("iam:PassRole", enforced.role, Condition={"StringEquals": {"iam:PassedToService": "ec2"}})
    call = {"service": "sagemaker", "operation": "create_training_job"}
    assert "iam:PassRole" in enforced.call(create, **call, **enforced.request("pass"))
    assert "iam:PassRole" in enforced.call(create, pass_elsewhere, **call, **enforced.request("pass"))
    tagged = enforced.request("pass", Tags=[{"Key": "k", "Value": "v"}])
    assert "sagemaker:AddTags" in enforced.call(create, pass_role, **call, **tagged)
    request = enforced.request("pass")
    assert enforced.call(create, pass_role, **call, **request) == "done"
    assert enforced.ended(request["TrainingJobName"])["TrainingJobStatus"] == "Completed"


def test_a_job_reaches_s3_as_its_role_only(enforced: Enforced) -> None:
    read = [allow("s3:GetObject", f"{BUCKET_ARN}/code/*"), allow("s3:ListBucket", BUCKET_ARN)]
    logs = allow("logs:*", "*")
    script = """
import os, pathlib
pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"], "model", "weights").write_text("x")
"""
    enforced.allow_training(logs)
    with pytest.raises(ClientError, match=r"has \"s3:ListBucket\" permissions.*assumed-role/training/SageMaker"):
        enforced.start(enforced.request(script))
    enforced.allow_training(*read, logs)
    denied = enforced.run(enforced.request(script))
    assert denied["TrainingJobStatus"] == "Failed"
    assert denied["FailureReason"].startswith("ClientError: Artifact upload failed")
    enforced.allow_training(*read, logs, allow("s3:PutObject", f"{BUCKET_ARN}/training-jobs/*"))
    assert enforced.run(enforced.request(script))["TrainingJobStatus"] == "Completed"


def test_an_unknown_key_is_refused_everywhere(enforced: Enforced) -> None:
    unknown = enforced.aws.environment | {"AWS_ACCESS_KEY_ID": "AKIAUNKNOWNUNKNOWN00"}
    invalid = "security token included in the request is invalid"
    with pytest.raises(ClientError, match=invalid):
        client(unknown, "stepfunctions").list_state_machines()
    with pytest.raises(ClientError, match=invalid):
        client(unknown, "pricing").get_products(ServiceCode="AmazonSageMaker")


def test_only_who_trusts_its_certificate_reaches_it(enforced: Enforced) -> None:
    endpoint = enforced.aws.environment["AWS_ENDPOINT_URL"]
    assert endpoint.startswith("https://127.0.0.1:")
    with pytest.raises(urllib.error.URLError, match="certificate verify failed"):
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(endpoint, timeout=10)


def test_models_are_listed_by_whom_all_resources_are_allowed(enforced: Enforced) -> None:
    """AWS does not say which resource it checks, so that anything narrower might be denied there."""
    listing = {"service": "sagemaker", "operation": "list_model_packages", "ModelPackageGroupName": "nothing"}
    group = "arn:aws:sagemaker:us-east-1:000000000000:model-package-group/nothing"
    assert "AccessDenied" in enforced.call(allow("sagemaker:ListModelPackages", group), **listing)
    assert "AccessDenied" not in enforced.call(allow("sagemaker:ListModelPackages", "*"), **listing)


def test_a_simulation_knows_resources_conditions_and_boundaries(enforced: Enforced) -> None:
    iam = enforced.client("iam")
    role = iam.create_role(RoleName="simulated", AssumeRolePolicyDocument=json.dumps(TRUST_SAGEMAKER))["Role"]["Arn"]
    like = {"StringLike": {"s3:prefix": "mine/*"}}
    may = policy(allow("s3:ListBucket", BUCKET_ARN, Condition=like), allow("s3:GetObject", f"{BUCKET_ARN}/a*"))
    iam.put_role_policy(RoleName="simulated", PolicyName="p", PolicyDocument=may)

    def decisions(action: str, *resources: str, prefix: str = "") -> list[tuple[str, str]]:
        entry = {"ContextKeyName": "s3:prefix", "ContextKeyValues": [prefix], "ContextKeyType": "string"}
        answer = iam.simulate_principal_policy(
            PolicySourceArn=role,
            ActionNames=[action],
            ResourceArns=list(resources),
            ContextEntries=[entry] if prefix else [],
        )
        return [(each["EvalResourceName"], each["EvalDecision"]) for each in answer["EvaluationResults"]]

    mine, other = f"{BUCKET_ARN}/a", f"{BUCKET_ARN}/b"
    assert decisions("s3:GetObject", mine, other) == [(mine, "allowed"), (other, "implicitDeny")]
    assert decisions("s3:ListBucket", BUCKET_ARN, prefix="mine/x") == [(BUCKET_ARN, "allowed")]
    assert decisions("s3:ListBucket", BUCKET_ARN, prefix="other/x") == [(BUCKET_ARN, "implicitDeny")]
    asked: dict[str, Any] = {"service": "iam", "operation": "simulate_principal_policy"}
    asked["ActionNames"] = ["s3:GetObject"]
    may_ask = allow("iam:SimulatePrincipalPolicy", role)
    assert enforced.call(may_ask, **asked, PolicySourceArn=role) == "done"
    assert "AccessDenied" in enforced.call(may_ask, **asked, PolicySourceArn=enforced.role)
    limit = iam.create_policy(PolicyName="limit", PolicyDocument=policy(allow("s3:ListBucket", "*")))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="simulated", PermissionsBoundary=limit)
    assert decisions("s3:GetObject", mine) == [(mine, "implicitDeny")]
