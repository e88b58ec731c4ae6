"""Launch starts one job, however often it is called, on the first choice that is possible, and never over the cap."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pipeline.errors import AlreadyRunning, AwsUnavailable, InstanceNotFree, LaunchFailed, OverBudget
from pipeline.execution import Execution
from pipeline.job.launched_job import Attempt, LaunchedJob
from pipeline.quote.baselines import Baselines
from pipeline.quote.earlier_model import EarlierModel
from pipeline.request_input import parse_request
from pipeline.settings import Defaults

from tests.pipeline.conftest import JOB_NOT_FOUND, context, described_job, listed
from tests.pipeline.job.launching import (
    LIMIT,
    Launching,
    changed,
    checkpoints,
    event,
    expect_history,
    expect_lock_of,
    redriven,
)


def test_the_code_is_copied_beside_the_data_and_the_job_created(launching: Launching, job: LaunchedJob) -> None:
    launching.expect_earlier()
    launching.s3.expect("list_objects_v2", listed(), Bucket="bucket", Prefix="pretrained/")
    launching.s3.expect(
        "copy_object",
        {"CopyObjectResult": {}},
        Bucket="bucket",
        Key="training-code/abc123/training_code.zip",
        CopySource={"Bucket": "assets", "Key": "abc123.zip"},
    )
    launching.expect_creation()
    launching.expect_status()
    # 10 USD pay for 23,762 s at 1.515 USD an hour, less the 120 s in which a job may stop: more than was quoted.
    assert launching.start() == job


@pytest.mark.parametrize("status", ["InProgress", "Completed"])
def test_a_retry_or_a_redrive_takes_the_job_that_runs_or_is_done(launching: Launching, status: str) -> None:
    launching.expect_earlier({"status": status, "secondary": status, **checkpoints(0)})
    launching.expect_tags(launching.launch.execution.tag)
    job = redriven(launching).start()
    assert (job.name, job.number, job.redrive_count) == (launching.names[0], 0, 1)


def test_what_a_job_cost_before_a_redrive_is_not_counted_again(launching: Launching) -> None:
    billed = {"status": "Completed", "secondary": "Completed", "BillableTimeInSeconds": 3600}
    launching.expect_earlier({**billed, **checkpoints(0)})
    launching.expect_tags(launching.launch.execution.tag)
    assert redriven(launching).start().counted_usd == 1.52


@pytest.mark.parametrize(
    "ended",
    [
        {"status": "Failed", "secondary": "Failed"},
        {"status": "Stopped", "secondary": "Stopped"},
        {"status": "Completed", "secondary": "MaxRuntimeExceeded"},
    ],
)
def test_after_a_job_without_a_model_the_next_number_goes_on_from_its_checkpoints(
    launching: Launching, ended: dict[str, Any]
) -> None:
    launching.expect_earlier({**ended, **checkpoints(0)})
    launching.expect_weights_and_code()
    launching.expect_creation(number=1)
    launching.expect_status()
    job = launching.start()
    assert (job.name, job.number) == (launching.names[1], 1)
    assert job.checkpoints_uri == checkpoints(0)["CheckpointConfig"]["S3Uri"]


def test_a_job_that_completed_without_a_model_is_not_taken_again(launching: Launching) -> None:
    launching = changed(launching, attempt=Attempt(stage=0, choice=0, number=1))
    launching.expect_earlier({"status": "Completed", "secondary": "Completed", **checkpoints(0)})
    launching.expect_weights_and_code()
    launching.expect_creation(number=1)
    launching.expect_status()
    assert launching.start().number == 1


def test_the_next_stage_is_not_the_stage_that_is_done(launching: Launching, defaults: Defaults) -> None:
    quote = launching.launch.quote
    both = tuple(replace(choice, max_runtime_seconds=(3600, 72_000)) for choice in quote.choices)
    launching = changed(
        launching,
        request=parse_request({"preset": "test_then_full"}, defaults),
        quote=replace(quote, choices=both),
        attempt=Attempt(stage=1, choice=0, number=1),
    )
    launching.expect_earlier({"status": "Completed", "secondary": "Completed", **checkpoints(0)})
    launching.expect_weights_and_code()
    launching.expect_creation(number=1, seconds=72_000)
    launching.expect_status()
    assert launching.start().stage == 1


def test_a_job_that_was_deleted_leaves_no_gap_to_fall_into(launching: Launching) -> None:
    launching = changed(launching, attempt=Attempt(stage=0, choice=1, number=1))
    expect_history(launching.stepfunctions)
    launching.sagemaker.refuse(*JOB_NOT_FOUND)
    launching.sagemaker.refuse_further_jobs()
    launching.expect_weights_and_code()
    launching.expect_creation(number=1, choice=1)
    launching.expect_status()
    assert launching.start().number == 1


def test_a_quota_that_is_refused_leads_to_the_next_choice_in_the_same_step(launching: Launching) -> None:
    launching.expect_earlier()
    launching.expect_weights_and_code()
    launching.sagemaker.refuse("create_training_job", "ResourceLimitExceeded", LIMIT)
    launching.expect_list()
    launching.expect_creation(choice=1)
    launching.expect_status()
    job = launching.start()
    assert (job.choice, job.number, job.instance_types) == (1, 0, ("ml.g6.2xlarge",))


def test_the_last_refused_quota_ends_the_run_with_what_each_said_and_the_remedy(launching: Launching) -> None:
    launching.expect_earlier()
    launching.expect_weights_and_code()
    for kind in ("g5", "g6"):
        launching.sagemaker.refuse("create_training_job", "ResourceLimitExceeded", LIMIT.replace("g5", kind))
        launching.expect_list()
    with pytest.raises(LaunchFailed) as refusal:
        launching.start()
    for fact in (LIMIT, LIMIT.replace("g5", "g6"), "ml.g6.2xlarge (spot)", "Service Quotas"):
        assert fact in str(refusal.value)


def test_no_second_job_writes_to_the_checkpoints_of_one_that_is_stopping(launching: Launching) -> None:
    launching.expect_earlier({"status": "Stopping", "secondary": "Stopping", **checkpoints(0)})
    with pytest.raises(InstanceNotFree, match=f"{launching.names[0]} is stopping"):
        launching.start()


def test_what_earlier_jobs_cost_is_taken_from_the_cap(launching: Launching) -> None:
    launching.expect_earlier(
        {"status": "Stopped", "secondary": "Stopped", "BillableTimeInSeconds": 14_400, **checkpoints(0)}
    )
    launching.expect_weights_and_code()
    left = 10 - 6.06
    seconds = int(left / 1.515 * 3600) - 120
    launching.expect_creation(number=1, seconds=seconds)
    launching.expect_status()
    job = launching.start()
    assert job.cost_before_usd == 6.06
    assert job.cost_before_usd + (job.max_runtime_seconds + 120) / 3600 * 1.515 <= 10


def test_nothing_is_started_once_the_cap_is_used_up(launching: Launching) -> None:
    launching.expect_earlier(
        {"status": "Failed", "secondary": "Failed", "BillableTimeInSeconds": 23_700, **checkpoints(0)}
    )
    launching.expect_weights_and_code()
    with pytest.raises(OverBudget, match=r"cost 9\.97 USD.*10\.00 USD.*higher max_cost_usd"):
        launching.start()


@pytest.mark.parametrize(
    ("code", "message"),
    [("ResourceInUse", "Training job names must be unique"), ("ValidationException", "The job already exists")],
)
def test_a_retry_takes_the_job_that_the_first_try_has_only_just_created(
    launching: Launching, code: str, message: str
) -> None:
    """CreateTrainingJob knows it, while DescribeTrainingJob has not shown it yet."""
    launching.expect_earlier()
    launching.expect_weights_and_code()
    launching.sagemaker.refuse("create_training_job", code, message)
    launching.sagemaker.expect("describe_training_job", described_job(launching.names[0]))
    launching.expect_tags(launching.launch.execution.tag)
    launching.expect_status()
    assert launching.start().name == launching.names[0]


def test_a_job_that_is_taken_counts_as_the_choice_that_it_was_created_for(launching: Launching) -> None:
    """On demand a choice may stand behind one of which it is a part: what has no capacity then is not asked again."""
    template = replace(launching.launch.quote.choices[0], spot=False)
    names = [("ml.g5.2xlarge", "ml.g6.2xlarge"), ("ml.g5.2xlarge",), ("ml.g6.2xlarge",)]
    choices = tuple(replace(template, instance_types=each) for each in names)
    launching = changed(launching, quote=replace(launching.launch.quote, choices=choices))
    for index, types in enumerate(names):
        kinds = {"InstancePreferences": [{"InstanceType": each, "InstanceCount": 1} for each in types]}
        alone = {"InstanceType": types[0], "InstanceCount": 1}
        resources = alone if len(types) == 1 else kinds
        described = {"ResourceConfig": resources, "EnableManagedSpotTraining": False, **checkpoints(0)}
        launching.expect_earlier(described)
        launching.expect_tags(launching.launch.execution.tag)
        if index:
            expect_lock_of(launching.s3, launching.launch.execution)
        job = launching.start()
        assert (job.choice, job.instance_types) == (index, types)


def test_a_job_that_is_created_but_not_shown_yet_is_asked_for_again(launching: Launching) -> None:
    launching.expect_earlier()
    launching.expect_weights_and_code()
    launching.sagemaker.refuse("create_training_job", "ResourceInUse")
    launching.sagemaker.refuse(*JOB_NOT_FOUND)
    with pytest.raises(AwsUnavailable):
        launching.start()


def test_a_job_of_somebody_else_is_not_taken(launching: Launching) -> None:
    launching.expect_earlier({**checkpoints(0)})
    launching.expect_tags("another")
    with pytest.raises(LaunchFailed, match="this execution did not start"):
        launching.start()


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT"])
def test_a_job_of_an_execution_that_was_aborted_meanwhile_is_stopped_again(launching: Launching, status: str) -> None:
    launching.expect_earlier()
    launching.expect_weights_and_code()
    launching.expect_creation()
    launching.expect_status(status)
    launching.sagemaker.expect("describe_training_job", described_job(launching.names[0]))
    launching.expect_tags(launching.launch.execution.tag)
    launching.sagemaker.expect("stop_training_job", {}, TrainingJobName=launching.names[0])
    with pytest.raises(LaunchFailed, match=status):
        launching.start()


def test_an_answer_from_before_the_redrive_stops_no_job(launching: Launching) -> None:
    launching = redriven(launching)
    launching.expect_earlier()
    launching.expect_weights_and_code()
    launching.expect_creation()
    launching.expect_status("ABORTED", redrive_count=0)
    with pytest.raises(AwsUnavailable, match="does not show the execution's redrive yet"):
        launching.start()


def test_a_job_of_an_execution_that_is_not_shown_yet_is_found_again_later(launching: Launching) -> None:
    launching.expect_earlier()
    launching.expect_weights_and_code()
    launching.expect_creation()
    launching.stepfunctions.refuse("describe_execution", "ExecutionDoesNotExist")
    with pytest.raises(AwsUnavailable, match="does not show the execution yet"):
        launching.start()


def test_a_job_is_looked_at_as_often_as_the_history_has_room_for(launching: Launching) -> None:
    """The job may last 12 hours. Half of what is left of 25,000 events, without a reserve of 1,000, is for it."""
    launching.stepfunctions.expect("get_execution_history", {"events": [event(19_000)]})
    launching.expect_earlier(history=False)
    launching.expect_weights_and_code()
    launching.expect_creation()
    launching.expect_status()
    assert launching.start().watch_interval_seconds == -(-43_200 // 277)


def test_a_job_that_could_not_be_watched_to_its_end_is_not_started(launching: Launching) -> None:
    launching.stepfunctions.expect("get_execution_history", {"events": [event(22_500)]})
    with pytest.raises(LaunchFailed, match=r"22,500 of the 25,000 events.*Start a new execution"):
        launching.start()


def test_a_refused_job_ends_the_run_and_is_not_tried_again(launching: Launching) -> None:
    launching.expect_earlier()
    launching.expect_weights_and_code()
    launching.sagemaker.refuse("create_training_job", "ValidationException", "Could not assume the role.")
    with pytest.raises(LaunchFailed, match=r"ValidationException.*Could not assume the role"):
        launching.start()


def test_throttling_is_tried_again_by_the_state_machine(launching: Launching) -> None:
    launching.expect_earlier()
    launching.expect_weights_and_code()
    launching.sagemaker.refuse("create_training_job", "ThrottlingException", "Rate exceeded")
    with pytest.raises(AwsUnavailable, match="Rate exceeded"):
        launching.start()


def test_code_that_is_gone_is_a_failed_launch(launching: Launching) -> None:
    launching.expect_earlier()
    launching.s3.expect("list_objects_v2", listed())
    launching.s3.refuse("copy_object", "NoSuchKey", "The specified key does not exist.")
    with pytest.raises(LaunchFailed, match="Deploy the stack again"):
        launching.start()


def test_a_job_that_continues_a_run_gets_its_model_and_no_other_weights(launching: Launching) -> None:
    model = EarlierModel(run="run", key="training-jobs/job/output/model.tar.gz", is_of_this_data=True)
    continuing = changed(launching, quote=replace(launching.launch.quote, earlier_model=model))
    continuing.expect_earlier()
    continuing.s3.expect("copy_object", {"CopyObjectResult": {}})
    continuing.expect_creation()
    continuing.expect_status()
    assert continuing.start().name == continuing.names[0]


def test_the_job_of_the_last_stage_gets_the_baselines(launching: Launching) -> None:
    chosen = Baselines(names=("yolo",), prefix="reports/run/baselines-0/")
    compared = changed(launching, quote=replace(launching.launch.quote, baselines=chosen))
    compared.expect_earlier()
    compared.expect_weights_and_code()
    compared.expect_creation(baselines=chosen.prefix)
    compared.expect_status()
    compared.start()


def test_the_job_of_an_earlier_stage_gets_no_baselines(launching: Launching, defaults: Defaults) -> None:
    chosen = Baselines(names=("yolo",), prefix="reports/run/baselines-0/")
    choices = tuple(replace(each, max_runtime_seconds=(3600, 72_000)) for each in launching.launch.quote.choices)
    compared = changed(
        launching,
        request=parse_request({"preset": "test_then_full"}, defaults),
        quote=replace(launching.launch.quote, baselines=chosen, choices=choices),
    )
    compared.expect_earlier()
    compared.expect_weights_and_code()
    compared.expect_creation(seconds=3600)
    compared.expect_status()
    compared.start()


def test_weights_that_are_missing_end_the_run_before_anything_is_started(launching: Launching) -> None:
    launching.expect_earlier()
    launching.s3.expect("list_objects_v2", listed())
    with pytest.raises(LaunchFailed, match=r"dino\.pth"):
        changed(launching, request=replace(launching.launch.request, pretrained="dino.pth")).start()


def test_a_redrive_starts_no_job_on_a_data_set_that_another_execution_has_taken_since_its_abort(
    launching: Launching, execution: Execution
) -> None:
    answer = {"executionArn": "a", "stateMachineArn": "b", "status": "RUNNING", "startDate": datetime.now(UTC)}
    launching.stepfunctions.expect("describe_execution", answer, executionArn=execution.arn)
    redriven = Execution.from_context(
        context(Id=execution.arn.replace(execution.name, "redriven"), Name="redriven", RedriveCount=1)
    )
    with pytest.raises(AlreadyRunning, match=f"The execution {execution.name} already works on the data set dino-data"):
        changed(launching, execution=redriven).start()
