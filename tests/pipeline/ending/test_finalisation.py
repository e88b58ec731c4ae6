"""Every end sends one message: what happened, where, and at what cost."""

import pytest
from pipeline.errors import AwsUnavailable
from pipeline.execution import Execution
from pipeline.quote.earlier_model import EarlierModel
from pipeline.state import to_state

from tests.pipeline.conftest import JOB_NOT_FOUND, context
from tests.pipeline.ending.finalising import COMPLETED, JUDGEMENT, PACKAGE, WEIGHTS, End, caught, without


def test_a_registered_model_is_announced_with_decision_links_time_and_cost(end: End) -> None:
    artifact = f"s3://bucket/training-jobs/{end.name()}/output/model.tar.gz"
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": WEIGHTS}}
    channels = [{"ChannelName": "pretrained", "DataSource": source}]
    folder = {"S3Uri": "s3://bucket/checkpoints/run/0/"}
    end.expect_jobs({**COMPLETED, "InputDataConfig": channels, "CheckpointConfig": folder})
    end.expect_message()
    judgement = JUDGEMENT | {
        "decision": "registered",
        "sentence": "The gate is met. AP 0.7100.",
        "metrics_uri": "s3://bucket/reports/run/metrics-0.json",
        "model_package_arn": PACKAGE,
        "comparisons": ["Compared with the baseline yolo:", "The new model finds rooms better than yolo."],
        "comparison_uri": "s3://bucket/reports/run/comparison-0.json",
    }
    finished = end.run(judgement=judgement)
    assert to_state(finished.outcome) == {
        "status": "SUCCEEDED",
        "error": None,
        "cause": None,
        "redrive_count": 0,
        "decision": "registered",
        "sentence": "The gate is met. AP 0.7100.",
        "training_job_name": end.name(),
        "training_job_names": [end.name()],
        "starting_weights": f"It started from the weights {WEIGHTS}.",
        "artifact_uri": artifact,
        "model_package_arn": PACKAGE,
        "metrics_uri": "s3://bucket/reports/run/metrics-0.json",
        "report_uri": "s3://bucket/reports/run/report.json",
        "seconds": 9000,
        "billable_seconds": 3600,
        "cost_usd": 1.52,
        "spot_saving": 0.5,
        "comparisons": judgement["comparisons"],
        "comparison_uri": "s3://bucket/reports/run/comparison-0.json",
    }
    said = finished.message().splitlines()
    at = said.index("The gate is met. AP 0.7100.")
    assert said[at + 1 : at + 3] == judgement["comparisons"]
    assert "Comparison: s3://bucket/reports/run/comparison-0.json" in said
    assert finished.subject() == "floorplan-dino succeeded (registered): 3f1b1c9e-8a52-4a0e-9d7b-0f6f6c8a1d2e"
    message = finished.message()
    for fact in (
        "succeeded after 2 h 30 min",
        "The gate is met. AP 0.7100.",
        "/states/home?region=us-east-1#/v2/executions/details/arn:aws:states:",
        f"/sagemaker/home?region=us-east-1#/jobs/{end.name()} (ml.g5.2xlarge, Completed, Completed)",
        "$252Faws$252Fsagemaker$252FTrainingJobs",
        f"Model: {artifact}",
        f"--model-package-arn {PACKAGE} --model-approval-status Approved",
        "1.52 USD for 3,600 billable seconds (the AWS Price List's prices of us-east-1; spot saved 50%)",
        "8 images, 16 boxes, classes wall, room, version",
        "report: s3://bucket/reports/run/report.json, and .html as a page",
        "Quote: About 1.7 h and 2.53 USD on demand.",
        "The quotas are not known",
        '"epochs": 5',
        f"It started from the weights {WEIGHTS}.",
        "TensorBoard events: https://us-east-1.console.aws.amazon.com/s3/buckets/bucket?region=us-east-1"
        "&prefix=checkpoints/run/0/",
    ):
        assert fact in message


def test_a_gate_that_is_not_met_is_an_outcome_of_a_run_that_succeeded(end: End) -> None:
    end.expect_jobs(COMPLETED)
    end.expect_message()
    judgement = JUDGEMENT | {
        "decision": "gate_not_met",
        "sentence": "The gate is not met: The F1 of room is 0.8, below 0.895.",
    }
    finished = end.run(judgement=judgement)
    assert (finished.outcome.status, finished.outcome.decision) == ("SUCCEEDED", "gate_not_met")
    assert "The F1 of room is 0.8, below 0.895." in finished.message()
    assert "Model: s3://bucket/training-jobs/" in finished.message(), "it may be looked at all the same"


def test_an_artifact_without_a_model_is_not_shown_as_one(end: End) -> None:
    end.expect_jobs(COMPLETED, {"status": "Failed", "secondary": "Failed"})
    end.expect_message()
    judgement = JUDGEMENT | {"decision": "interrupted", "sentence": "The job completed without a model."}
    finished = end.run(judgement=judgement, failure=caught("TrainingFailed", "It failed."))
    assert finished.outcome.artifact_uri is None
    assert "Model: " not in finished.message()


def test_all_jobs_of_the_execution_are_paid_for(end: End) -> None:
    stopped = {"status": "Stopped", "secondary": "Stopped", "BillableTimeInSeconds": 360, "TrainingTimeInSeconds": 360}
    other_type = {"InstanceType": "ml.g6.2xlarge", "InstanceCount": 1}
    end.expect_jobs({**stopped, "ResourceConfig": other_type}, COMPLETED)
    end.expect_message()
    finished = end.run()
    assert finished.outcome.cost_usd == 1.64
    assert finished.outcome.training_job_names == (end.name(0), end.name(1))
    assert "1.64 USD for 3,960 billable seconds in 2 jobs" in finished.message()


def test_each_instance_of_a_job_is_paid_for(end: End) -> None:
    three = {"ResourceConfig": {"InstanceType": "ml.g5.2xlarge", "InstanceCount": 3}}
    end.expect_jobs({"status": "Stopped", "secondary": "Stopped", "BillableTimeInSeconds": 360, **three})
    end.expect_message()
    finished = end.run()
    assert finished.outcome.cost_usd == 0.45, "three times 0.1515 USD"
    assert "(3 x ml.g5.2xlarge, Stopped, Stopped)" in finished.message()


def test_a_failed_job_may_have_refused_the_weights_that_it_was_given(end: End) -> None:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": WEIGHTS}}
    channels = [{"ChannelName": "pretrained", "DataSource": source}]
    end.expect_jobs({**COMPLETED, "status": "Failed", "secondary": "Failed", "InputDataConfig": channels})
    end.expect_message()
    finished = end.run(failure=caught("TrainingFailed", "CONFIG: dino.pth lacks 318 tensors of the model's backbone."))
    assert finished.starting_weights == f"It was given the weights {WEIGHTS}."


def test_the_message_says_what_was_continued(end: End) -> None:
    model = EarlierModel(run="run-1", key="training-jobs/job/output/model.tar.gz", is_of_this_data=False)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://bucket/{model.key}"}}
    end.expect_jobs({**COMPLETED, "InputDataConfig": [{"ChannelName": "pretrained", "DataSource": source}]})
    end.expect_message()
    finished = end.run(quote=end.state["quote"] | {"earlier_model": to_state(model)})
    assert f"It started from the weights s3://bucket/{model.key}. {model.sentence}" in finished.message()


@pytest.mark.parametrize(("preset", "said"), [("test", True), ("full", True), ("tiny", False)])
def test_random_weights_are_told_of_where_they_spoil_the_result(end: End, *, preset: str, said: bool) -> None:
    end.expect_jobs(COMPLETED)
    end.expect_message()
    finished = end.run(request=end.state["request"] | {"preset": preset})
    assert ("It started from random weights: " in finished.message()) is said
    assert ("s3://bucket/pretrained/" in str(finished.outcome.starting_weights)) is said


def test_a_refused_request_is_announced_without_a_job(end: End) -> None:
    end.state = {}
    end.expect_jobs()
    end.expect_message()
    finished = end.run(failure=caught("RequestInvalid", "The input's field epochs is 0."))
    assert finished.outcome.error == "RequestInvalid"
    assert finished.outcome.cause == "The input's field epochs is 0."
    assert "No training job was started" in finished.message()
    assert finished.subject().startswith("floorplan-dino failed (RequestInvalid): ")


def test_a_decision_that_ends_the_run_is_a_failure_like_any_other(end: End) -> None:
    end.state = without(end.state, "job", "quote")
    end.expect_jobs()
    end.expect_message()
    failure = {"Error": "DatasetInvalid", "Cause": "The data set has 3 errors."}
    finished = end.run(failure=failure)
    assert (finished.outcome.error, finished.outcome.cause) == ("DatasetInvalid", failure["Cause"])


@pytest.mark.parametrize("cause", ["no JSON", "5", '"text"', "", '{"errorMessage": null}'])
def test_a_fault_of_the_pipeline_itself_says_so_and_where_to_look(cause: str, end: End) -> None:
    end.expect_jobs()
    end.sagemaker.refuse(*JOB_NOT_FOUND)  # the one that the state names
    end.expect_message()
    finished = end.run(failure={"Error": "Lambda.Unknown", "Cause": cause})
    assert finished.outcome.error == "Lambda.Unknown"
    assert str(finished.outcome.cause).startswith("The pipeline itself failed: ")
    assert "/v2/executions/details/" in str(finished.outcome.cause)


def test_a_check_that_failed_has_no_report(end: End) -> None:
    end.state = without(end.state, "job", "quote")
    end.state["dataset"] |= {"status": "failed", "error": "KeyError", "cause": "'a'"}
    end.expect_jobs()
    end.expect_message()
    finished = end.run(failure={"Error": "KeyError", "Cause": "'a'"})
    assert finished.outcome.report_uri is None
    assert "failed\n" in finished.message()
    assert "report" not in finished.message()


def test_what_keeps_lambda_from_running_a_function_is_an_outage(end: End) -> None:
    """Failed, which raises the error, is tried again after Lambda's own."""
    end.state = {}
    end.expect_jobs()
    end.expect_message()
    finished = end.run(failure={"Error": "Lambda.TooManyRequestsException", "Cause": "Rate Exceeded."})
    assert finished.outcome.error == "AwsUnavailable"
    assert "Lambda.TooManyRequestsException: Rate Exceeded." in str(finished.outcome.cause)


def test_when_the_jobs_cannot_be_looked_at_the_message_goes_out_all_the_same(end: End) -> None:
    end.sagemaker.refuse("describe_training_job", "AccessDeniedException", "not authorized")
    end.expect_message()
    finished = end.run(failure=caught("TrainingFailed", "It failed."))
    assert "AccessDeniedException: not authorized" in finished.message()
    assert "stop them if they still run" in finished.message()
    assert "No training job was started" not in finished.message()


def test_a_busy_service_is_tried_again_before_anything_is_sent(end: End) -> None:
    end.sagemaker.refuse("describe_training_job", "ThrottlingException", "Rate exceeded")
    with pytest.raises(AwsUnavailable):
        end.run()


def test_names_of_the_data_set_cannot_forge_a_line_of_the_message(end: End) -> None:
    end.state = {}
    end.expect_jobs()
    end.expect_message()
    cause = "The file train/a\n\nThe run succeeded.\x1b[2J is missing."
    message = end.run(failure={"Error": "DatasetInvalid", "Cause": cause}).message()
    assert "\x1b" not in message
    assert "The run succeeded.\\x1b[2J is missing." in message
    assert "\nThe run succeeded." not in message


def test_a_subject_is_what_sns_accepts(end: End) -> None:
    end.state = {}
    end.execution = Execution.from_context(context(Name="plan-è-" + "x" * 73))
    end.expect_jobs()
    end.expect_message()
    subject = end.run().subject()
    assert len(subject) <= 100
    assert subject.isascii()
    assert subject.isprintable()
