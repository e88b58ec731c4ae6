"""Under enforced IAM each call that the pipeline makes is allowed, and what a role must never do is denied to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.clients import client
from local_aws.iam_authorizer import IamAuthorizer
from tests.end_to_end.deployed import Deployed, wait_until
from tests.end_to_end.deployment import deployed_stack

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

DENIALS = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"}
ACCOUNT = "000000000000"
OURS, FOREIGN = "floorplan-dino-x-000000", "another-teams-job"
FUNCTIONS = (
    "resolve",
    "lock",
    "validate",
    "check_images",
    "merge_checks",
    "quote",
    "launch",
    "watch",
    "stop",
    "judge",
    "finalise",
    "failed",
    "clean_up",
    "sweep",
)
TRAINING = "training"
Call = tuple[str, str, dict[str, Any]]
"""Service, operation, arguments."""
ROLES = (*FUNCTIONS, TRAINING)


@pytest.fixture(scope="module")
def enforced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    scratch = tmp_path_factory.mktemp("enforced")
    context = {"default_preset": "tiny"}
    with deployed_stack(scratch, context=context, wait_scale=0.02, stop_grace=15, enforce_iam=True) as deployed:
        deployed.upload_plans("dino-data")
        yield deployed


def test_a_run_may_do_all_that_it_needs_up_to_the_registered_model(enforced: Deployed) -> None:
    execution = enforced.run(epochs=1, quality_gate={"room": 0.0})
    assert execution.status == "SUCCEEDED", execution.cause
    assert "Registered" in execution.states
    assert execution.job is not None
    (message,) = enforced.messages_about(execution.arn)
    assert execution.job.model_artifact in message["Message"]
    assert "could not" not in message["Message"]  # the finaliser's notes on what it was refused
    assert enforced.locks() == []


def test_a_refused_data_set_is_reported_without_a_denial(enforced: Deployed) -> None:
    enforced.upload_plans("dino-data-refused")
    key = enforced.keys("dino-data-refused/train/images/")[0]
    enforced.session.client("s3").delete_object(Bucket=enforced.bucket, Key=key)
    execution = enforced.run(dataset_prefix="dino-data-refused")
    assert (execution.status, execution.error) == ("FAILED", "DatasetInvalid")
    assert key.removeprefix("dino-data-refused/") in execution.cause
    assert len(enforced.messages_about(execution.arn)) == 1
    assert enforced.locks() == []


def test_a_running_data_sets_lock_can_be_read_and_an_aborted_runs_job_be_stopped(enforced: Deployed) -> None:
    follower, name = enforced.start_training(epochs=500)
    second = enforced.run(epochs=1)
    assert (second.status, second.error) == ("FAILED", "AlreadyRunning"), second.cause
    assert swept(enforced) == []
    described = enforced.session.client("sagemaker").describe_training_job(TrainingJobName=name)
    tags = enforced.session.client("sagemaker").list_tags(ResourceArn=described["TrainingJobArn"])["Tags"]
    (arn,) = [tag["Value"] for tag in tags if tag["Key"] == "floorplan-dino:execution"]
    enforced.session.client("stepfunctions").stop_execution(executionArn=arn)
    assert follower.wait_for_end().status == "ABORTED"
    wait_until(lambda: enforced.messages_about(arn) != [])
    (message,) = enforced.messages_about(arn)
    assert "Aborted" in message["Message"]
    wait_until(lambda: not enforced.jobs_at_work())


def swept(enforced: Deployed) -> list[str]:
    """The executions that a sweep attends to, now."""
    answer = enforced.session.client("lambda").invoke(FunctionName=enforced.function("sweep"), Payload=b"{}")
    names: list[str] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, names
    return names


def job_request(name: str, role_arn: str) -> dict[str, Any]:
    """The least that CreateTrainingJob takes."""
    return {
        "TrainingJobName": name,
        "RoleArn": role_arn,
        "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": "s3://anywhere/jobs"},
        "ResourceConfig": {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }


def get(key: str) -> Call:
    return "s3", "get_object", {"Bucket": "BUCKET", "Key": key}


def put(key: str) -> Call:
    return "s3", "put_object", {"Bucket": "BUCKET", "Key": key, "Body": b"x"}


def delete(key: str) -> Call:
    return "s3", "delete_object", {"Bucket": "BUCKET", "Key": key}


def listing(prefix: str) -> Call:
    return "s3", "list_objects_v2", {"Bucket": "BUCKET", "Prefix": prefix}


def create(name: str, role: str = TRAINING) -> Call:
    return "sagemaker", "create_training_job", job_request(name, f"ROLE {role}")


def describe(name: str) -> Call:
    return "sagemaker", "describe_training_job", {"TrainingJobName": name}


def stop(name: str) -> Call:
    return "sagemaker", "stop_training_job", {"TrainingJobName": name}


def approve() -> Call:
    arn = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/floorplan-dino/1"
    return "sagemaker", "update_model_package", {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"}


PUBLISH = ("sns", "publish", {"TopicArn": "TOPIC", "Message": "x"})
START = ("stepfunctions", "start_execution", {"stateMachineArn": "MACHINE"})
ABORT = ("stepfunctions", "stop_execution", {"executionArn": "EXECUTION"})
LOG = {"logGroupName": "/aws/sagemaker/TrainingJobs"}

MUST_NOT: list[tuple[str, Call]] = [
    ("resolve", get("dino-data/manifest.json")),
    ("resolve", listing("dino-data")),
    ("lock", get("dino-data/manifest.json")),
    ("lock", delete("locks/dino-data.json")),
    ("lock", ABORT),
    ("validate", put("dino-data/manifest.json")),
    ("validate", delete("dino-data/manifest.json")),
    ("validate", get("training-jobs/x/output/model.tar.gz")),
    ("check_images", put("dino-data/train/images/000001.png")),
    ("merge_checks", put("runs/forged-0.json")),
    ("quote", get("dino-data/manifest.json")),
    ("quote", put("runs/forged-0.json")),
    ("quote", create(OURS)),
    ("launch", create(OURS, role="judge")),
    ("launch", create(FOREIGN)),
    ("launch", stop(FOREIGN)),
    ("launch", get("pretrained/weights.pth")),
    ("launch", get("dino-data/manifest.json")),
    ("launch", put("dino-data/manifest.json")),
    ("launch", delete("locks/dino-data.json")),
    ("watch", stop(OURS)),
    ("watch", describe(FOREIGN)),
    ("watch", get("checkpoints/x/0/checkpoint-00000001-0000000000000000.pt")),
    ("watch", ("logs", "delete_log_group", LOG)),
    ("stop", create(OURS)),
    ("stop", stop(FOREIGN)),
    ("stop", ABORT),
    ("judge", approve()),
    ("judge", put("training-jobs/x/output/model.tar.gz")),
    ("judge", create(OURS)),
    ("finalise", create(OURS)),
    ("finalise", stop(FOREIGN)),
    ("finalise", put("locks/dino-data.json")),
    ("finalise", put("reports/x/report.json")),
    ("finalise", delete("dino-data/manifest.json")),
    ("failed", PUBLISH),
    ("clean_up", START),
    ("clean_up", delete("dino-data/manifest.json")),
    ("sweep", START),
    ("sweep", delete("dino-data/manifest.json")),
    (TRAINING, put("dino-data/manifest.json")),
    (TRAINING, delete("dino-data/manifest.json")),
    (TRAINING, put("training-code/x/training_code.zip")),
    (TRAINING, put("pretrained/weights.pth")),
    (TRAINING, get("reports/x/report.json")),
    (TRAINING, get("locks/dino-data.json")),
    (TRAINING, put("runs/forged-0.json")),
    (TRAINING, listing("reports/")),
    (TRAINING, create(OURS)),
    (TRAINING, PUBLISH),
    (TRAINING, START),
    (TRAINING, ("iam", "list_roles", {})),
    # Models and the data sets' protection are nobody's to remove.
    *[
        (role, call)
        for role in ROLES
        for call in (
            delete("training-jobs/x/output/model.tar.gz"),
            ("s3", "delete_bucket_policy", {"Bucket": "BUCKET"}),
        )
    ],
]

MAY: list[tuple[str, Call]] = [
    ("lock", get("locks/nothing.json")),
    ("validate", get("dino-data/manifest.json")),
    ("validate", put("reports/control/report.json")),
    ("quote", listing("runs/")),
    ("launch", listing("pretrained/")),
    ("launch", get("locks/nothing.json")),
    ("watch", describe(OURS)),
    ("stop", stop(OURS)),
    ("judge", put("runs/control-0.json")),
    ("finalise", stop(OURS)),
    ("finalise", put("reports/control/message-20261120T100000Z-0.json")),
    ("clean_up", delete("locks/nothing.json")),
    ("sweep", delete("locks/nothing.json")),
    (TRAINING, put("checkpoints/control/0/health.json")),
    (TRAINING, get("dino-data/manifest.json")),
]
"""The other side of the same policies: without it, a mistake in how this file takes a role would pass for denials."""


def case_name(value: object) -> str:
    return " ".join(str(part) for part in value[:2]) if isinstance(value, tuple) else str(value)


class Sessions:
    """A session of each role, made when it is first asked for."""

    def __init__(self, enforced: Deployed) -> None:
        self._enforced = enforced
        environment = enforced.aws.environment
        self._authorizer = IamAuthorizer(environment)
        lambda_ = enforced.session.client("lambda")
        self._arns = {
            name: lambda_.get_function_configuration(FunctionName=enforced.function(name))["Role"] for name in FUNCTIONS
        } | {TRAINING: enforced.outputs["TrainingRoleArn"]}
        self._environments: dict[str, dict[str, str]] = {}
        machine = enforced.outputs["StateMachineArn"]
        self._known = {
            "BUCKET": enforced.bucket,
            "TOPIC": enforced.outputs["TopicArn"],
            "MACHINE": machine,
            "EXECUTION": f"{machine.replace(':stateMachine:', ':execution:')}:any",
        } | {f"ROLE {name}": arn for name, arn in self._arns.items()}

    def answer_to(self, role: str, call: Call) -> str:
        """Make the call as the role: "done", or the error's code. The tables' words become what they mean."""
        service, operation, template = call
        arguments = {
            key: self._known.get(value, value) if isinstance(value, str) else value for key, value in template.items()
        }
        if role not in self._environments:
            self._environments[role] = self._enforced.aws.environment | self._authorizer.role_credentials(
                self._arns[role], "test"
            )
        try:
            getattr(client(self._environments[role], service), operation)(**arguments)
        except ClientError as error:
            return error.response["Error"]["Code"]
        return "done"


@pytest.fixture(scope="module")
def sessions(enforced: Deployed) -> Sessions:
    return Sessions(enforced)


@pytest.mark.parametrize(("role", "call"), MUST_NOT, ids=case_name)
def test_a_role_is_denied_what_it_has_no_business_with(sessions: Sessions, role: str, call: Call) -> None:
    assert sessions.answer_to(role, call) in DENIALS


@pytest.mark.parametrize(("role", "call"), MAY, ids=case_name)
def test_a_role_is_not_denied_what_its_work_is(sessions: Sessions, role: str, call: Call) -> None:
    assert sessions.answer_to(role, call) in {"done", "NoSuchKey", "ValidationException"}  # of what is not there
