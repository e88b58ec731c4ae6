"""Faults that a test provokes: they look as on AWS, and end when the test says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.sagemaker.job_status import JobStatus
from tests.local_aws.conftest import SECONDS, Account, eventually
from tests.local_aws.test_ministack import create_function
from tests.local_aws.test_sagemaker_jobs import UNTIL_SIGTERM, statuses

G5, G6 = "ml.g5.2xlarge", "ml.g6.2xlarge"
PREFERRED = {
    "InstancePreferences": [{"InstanceType": G6, "InstanceCount": 1}, {"InstanceType": G5, "InstanceCount": 1}]
}
# Says in a bucket that it has done its work.
WORKER = """
import boto3
def handler(event, context):
    boto3.client("s3").put_object(Bucket="training", Key=event["key"], Body=b"done")
    return "answer"
"""


@pytest.fixture(autouse=True)
def faultless_afterwards(account: Account) -> Iterator[None]:
    yield
    account.aws.faults.clear()
    account.aws.service_quotas.reset()


def test_without_capacity_a_job_fails_with_a_capacity_error(account: Account) -> None:
    account.aws.faults.no_capacity(G5, spot=False)
    description = account.run(account.request("pass"))
    assert description["TrainingJobStatus"] == "Failed"
    assert description["FailureReason"].startswith("CapacityError: Unable to provision requested ML compute capacity")
    assert "BillableTimeInSeconds" not in description
    assert account.run(account.spot_request("pass"))["TrainingJobStatus"] == "Completed"


def test_the_first_preferred_type_with_capacity_is_taken(account: Account) -> None:
    account.aws.faults.no_capacity(G6, spot=False)
    description = account.run(account.request("pass", ResourceConfig=PREFERRED))
    assert description["ResourceConfig"]["SelectedInstanceType"] == G5
    account.aws.faults.no_capacity(G5, spot=False)
    description = account.run(account.request("pass", ResourceConfig=PREFERRED))
    assert description["FailureReason"].startswith("CapacityError")
    assert "SelectedInstanceType" not in description["ResourceConfig"]


def test_a_job_is_pending_until_there_is_capacity(account: Account) -> None:
    account.aws.faults.pending(G5, spot=True)
    name = account.start(account.spot_request("pass"))
    description = account.aws.training_jobs.wait_for(name, ["Pending"], SECONDS)
    assert description["TrainingJobStatus"] == "InProgress"
    assert name in account.aws.training_jobs.running()
    account.aws.faults.clear()
    description = account.ended(name)
    assert statuses(description)[:3] == ["Starting", "Pending", "Downloading"]
    assert description["TrainingJobStatus"] == "Completed"
    assert name not in account.aws.training_jobs.running()


def test_a_pending_job_can_be_stopped_and_costs_nothing(account: Account) -> None:
    account.aws.faults.pending(G5, spot=False)
    name = account.start(account.request("pass"))
    account.aws.training_jobs.wait_for(name, ["Pending"], SECONDS)
    account.client("sagemaker").stop_training_job(TrainingJobName=name)
    description = account.ended(name)
    assert description["TrainingJobStatus"] == "Stopped"
    assert "BillableTimeInSeconds" not in description


def test_max_pending_time_ends_the_wait(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.aws.faults.pending(G5, spot=False)
    condition = {"MaxRuntimeInSeconds": 60, "MaxPendingTimeInSeconds": 1800}
    name = account.start(account.request("pass", StoppingCondition=condition))
    account.aws.training_jobs.wait_for(name, ["Pending"], SECONDS)
    monkeypatch.setattr(JobStatus, "pending_seconds", lambda _: 1800.0)  # half an hour later
    assert account.ended(name)["TrainingJobStatus"] == "Stopped"


def test_a_quota_of_zero_refuses_the_job(account: Account) -> None:
    account.aws.service_quotas.set(G5, 0, spot=True)
    with pytest.raises(ClientError, match=r"\(ResourceLimitExceeded\)") as caught:
        account.start(account.spot_request("pass"))
    assert caught.value.response["Error"]["Message"].startswith(
        "The account-level service limit 'ml.g5.2xlarge for spot training job usage' is 0 Instances, "
        "with current utilization of 0 Instances and a request delta of 1 Instances."
    )
    assert account.run(account.request("pass"))["TrainingJobStatus"] == "Completed"


def test_jobs_that_run_use_up_the_quota(account: Account) -> None:
    account.aws.service_quotas.set(G5, 1, spot=False)
    name = account.start(account.request(UNTIL_SIGTERM))
    with pytest.raises(ClientError, match="current utilization of 1 Instances"):
        account.start(account.request("pass"))
    account.client("sagemaker").stop_training_job(TrainingJobName=name)
    account.ended(name)
    assert account.run(account.request("pass"))["TrainingJobStatus"] == "Completed"


def test_a_job_that_has_ended_counts_for_as_long_as_told(account: Account) -> None:
    unused = "ml.g6e.2xlarge"  # or a job of another test would still count
    account.aws.service_quotas.set(unused, 1, spot=False)
    account.aws.faults.hold_quota(3)
    one = {"ResourceConfig": {"InstanceType": unused, "InstanceCount": 1}}
    account.run(account.request("pass", **one))
    with pytest.raises(ClientError, match="current utilization of 1 Instances"):
        account.start(account.request("pass", **one))
    account.aws.faults.clear()
    assert account.run(account.request("pass", **one))["TrainingJobStatus"] == "Completed"


def test_a_job_is_refused_if_any_of_its_types_has_no_quota(account: Account) -> None:
    account.aws.service_quotas.set(G5, 0, spot=False)
    with pytest.raises(ClientError, match=r"\(ResourceLimitExceeded\).*'ml\.g5\.2xlarge for training job usage' is 0"):
        account.start(account.request("pass", ResourceConfig=PREFERRED))


def test_jobs_are_listed_by_their_last_change(account: Account) -> None:
    first = account.run(account.request("pass"))["TrainingJobName"]
    end = account.ended(first)["LastModifiedTime"]
    second = account.run(account.request("pass"))["TrainingJobName"]
    pages = account.client("sagemaker").get_paginator("list_training_jobs").paginate(LastModifiedTimeAfter=end)
    names = [job["TrainingJobName"] for page in pages for job in page["TrainingJobSummaries"]]
    assert second in names
    assert first not in names
    page = account.client("sagemaker").list_training_jobs(MaxResults=1)
    assert len(page["TrainingJobSummaries"]) == 1
    assert page["NextToken"], "the rest is on further pages"


def test_a_throttled_call_is_refused_as_often_as_told(account: Account) -> None:
    account.aws.faults.throttle("DescribeTrainingJob", 1)
    sagemaker = account.client("sagemaker")
    # The SDK takes it for what it is, tries again by itself, and then the call is an ordinary one.
    with pytest.raises(ClientError, match="Requested resource not found") as caught:
        sagemaker.describe_training_job(TrainingJobName="none")
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 1


def test_a_service_can_be_out_of_order(account: Account) -> None:
    account.aws.faults.refuse("GetProducts", "AccessDeniedException", "Not for you.", 1)
    with pytest.raises(ClientError, match=r"\(AccessDeniedException\).*Not for you"):
        account.client("pricing").get_products(ServiceCode="AmazonSageMaker")


@pytest.mark.parametrize("work_done", [False, True])
def test_a_function_dies_once_and_its_retry_lives(account: Account, work_done: bool) -> None:
    name = f"worker-{work_done}"
    create_function(account.aws.environment, name, WORKER)
    account.aws.faults.crash(name, work_done=work_done)
    machines = account.client("stepfunctions")
    state: dict[str, Any] = {
        "Type": "Task",
        "Resource": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        "Catch": [{"ErrorEquals": ["Runtime.ExitError"], "Next": "Again", "ResultPath": "$.error"}],
        "End": True,
    }
    definition = {
        "StartAt": "Work",
        "States": {"Work": state, "Again": {key: state[key] for key in ("Type", "Resource", "End")}},
    }
    machine = machines.create_state_machine(
        name=name, definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/any"
    )["stateMachineArn"]
    arn = machines.start_execution(stateMachineArn=machine, input=json.dumps({"key": name}))["executionArn"]
    eventually(lambda: machines.describe_execution(executionArn=arn)["status"] != "RUNNING", "it has ended")
    assert machines.describe_execution(executionArn=arn)["status"] == "SUCCEEDED"
    entered = [
        event["stateEnteredEventDetails"]["name"]
        for event in machines.get_execution_history(executionArn=arn)["events"]
        if "stateEnteredEventDetails" in event
    ]
    assert entered == ["Work", "Again"]


def test_a_function_that_dies_after_its_work_has_done_it(account: Account) -> None:
    for work_done, keys in ((False, []), (True, ["dies/True"])):
        invoke = create_function(account.aws.environment, f"dies-{work_done}", WORKER)
        account.aws.faults.crash(f"dies-{work_done}", work_done=work_done)
        error, failed = invoke({"key": f"dies/{work_done}"})
        assert (failed, error["errorType"]) == (True, "Runtime.ExitError")
        assert account.keys(f"dies/{work_done}") == keys
