"""The properties of the resources that safety, cost and operation depend on."""

import json
import re
from typing import Any

from pipeline.cloudwatch_metrics import COST_SO_FAR, NAMESPACE, QUIET, SPENT

from stacks.template_text import readable
from training_code.job.metric_lines import METRIC_DEFINITIONS

Resources = dict[str, list[dict[str, Any]]]


def bucket(resources: Resources, name: str) -> dict[str, Any]:
    (found,) = [item for item in resources["AWS::S3::Bucket"] if item["LogicalId"].startswith(name)]
    return found


def test_the_dataset_bucket_is_encrypted_versioned_private_and_logged(resources: Resources) -> None:
    properties = bucket(resources, "DatasetBucket")["Properties"]
    encryption = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption == [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert readable(properties["LoggingConfiguration"]["DestinationBucketName"]) == "<DatasetAccessLogs>"


def test_old_checkpoints_versions_and_broken_uploads_do_not_pile_up(resources: Resources) -> None:
    rules = bucket(resources, "DatasetBucket")["Properties"]["LifecycleConfiguration"]["Rules"]
    assert {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}, "Status": "Enabled"} in rules
    assert {"NoncurrentVersionExpiration": {"NoncurrentDays": 30}, "Status": "Enabled"} in rules
    assert {
        "ExpirationInDays": 30,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
        "Prefix": "checkpoints/",
        "Status": "Enabled",
    } in rules, "each epoch's job deletes a checkpoint of the size of the model and more"
    expiring = [rule for rule in rules if "ExpirationInDays" in rule]
    assert {rule["Prefix"] for rule in expiring} == {"checkpoints/", "batches/"}, "data, models, reports, answers stay"


def test_the_access_logs_are_private_and_expire(resources: Resources) -> None:
    properties = bucket(resources, "DatasetAccessLogs")["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["LifecycleConfiguration"]["Rules"] == [{"ExpirationInDays": 90, "Status": "Enabled"}]


def test_both_buckets_outlive_the_stack(resources: Resources) -> None:
    assert len(resources["AWS::S3::Bucket"]) == 2
    for item in resources["AWS::S3::Bucket"]:
        assert (item["DeletionPolicy"], item["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_both_buckets_refuse_requests_without_tls(resources: Resources) -> None:
    assert len(resources["AWS::S3::BucketPolicy"]) == 2
    for policy in resources["AWS::S3::BucketPolicy"]:
        denials = [item for item in policy["Properties"]["PolicyDocument"]["Statement"] if item["Effect"] == "Deny"]
        assert [(item["Action"], item["Condition"], item["Principal"]) for item in denials] == [
            ("s3:*", {"Bool": {"aws:SecureTransport": "false"}}, {"AWS": "*"})
        ]


def test_the_topic_is_encrypted_and_refuses_messages_without_tls(resources: Resources) -> None:
    (topic,) = resources["AWS::SNS::Topic"]
    assert readable(topic["Properties"]["KmsMasterKeyId"]) == "<NotificationsKey.Arn>"
    (key,) = resources["AWS::KMS::Key"]
    assert key["Properties"]["EnableKeyRotation"] is True
    (policy,) = resources["AWS::SNS::TopicPolicy"]
    denied, alarms = policy["Properties"]["PolicyDocument"]["Statement"]
    assert (denied["Effect"], denied["Action"]) == ("Deny", "sns:Publish")
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}


def test_every_function_is_traced_logs_json_and_has_a_role_and_a_log_group_of_its_own(resources: Resources) -> None:
    functions = resources["AWS::Lambda::Function"]
    assert {item["Properties"]["Handler"] for item in functions} == {
        f"pipeline.steps.{step}.handler"
        for step in (
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
    }
    for item in functions:
        properties = item["Properties"]
        assert properties["Runtime"] == "python3.14"
        assert properties["TracingConfig"] == {"Mode": "Active"}
        assert properties["LoggingConfig"]["LogFormat"] == "JSON"
        assert 60 <= properties["Timeout"] <= 900
    assert len({readable(item["Properties"]["Role"]) for item in functions}) == len(functions)
    assert len({readable(item["Properties"]["LoggingConfig"]["LogGroup"]) for item in functions}) == len(functions)


def test_what_nobody_waits_for_tells_a_person_when_it_fails(resources: Resources) -> None:
    targets = {
        item["Properties"]["Handler"]: readable(item["Properties"]["DeadLetterConfig"]["TargetArn"])
        for item in resources["AWS::Lambda::Function"]
        if "DeadLetterConfig" in item["Properties"]
    }
    assert targets == {"pipeline.steps.clean_up.handler": "<NotificationsTopic>"}


def test_every_log_group_keeps_its_lines_as_long_as_configured(resources: Resources) -> None:
    assert len(resources["AWS::Logs::LogGroup"]) == 15
    assert {item["Properties"]["RetentionInDays"] for item in resources["AWS::Logs::LogGroup"]} == {90}


def test_launch_knows_image_role_and_code(resources: Resources) -> None:
    (launch,) = [item for item in resources["AWS::Lambda::Function"] if "launch" in item["Properties"]["Handler"]]
    variables = {name: readable(value) for name, value in launch["Properties"]["Environment"]["Variables"].items()}
    asset_key = variables.pop("CODE_ASSET_KEY")
    assert asset_key.endswith(".zip")
    assert variables == {
        "BUCKET": "<DatasetBucket>",
        "TRAINING_IMAGE": "763104351884.dkr.ecr.us-east-1.<AWS::URLSuffix>/pytorch:2.13-cu133-amzn2023-sagemaker",
        "TRAINING_ROLE_ARN": "<TrainingRole.Arn>",
        "CODE_ASSET_BUCKET": "cdk-hnb659fds-assets-123456789012-us-east-1",
        "WATCH_INTERVAL_SECONDS": "60",
    }


def test_the_state_machine_is_standard_traced_and_logs_everything(resources: Resources) -> None:
    (machine,) = resources["AWS::StepFunctions::StateMachine"]
    properties = machine["Properties"]
    assert properties["StateMachineType"] == "STANDARD"
    assert properties["TracingConfiguration"] == {"Enabled": True}
    logging = properties["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", True)


def test_only_types_that_the_embedded_aws_knows(resources: Resources) -> None:
    assert set(resources) <= {
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::SNS::Topic",
        "AWS::SNS::TopicPolicy",
        "AWS::IAM::Role",
        "AWS::IAM::Policy",
        "AWS::IAM::ManagedPolicy",
        "AWS::Logs::LogGroup",
        "AWS::Lambda::Function",
        "AWS::StepFunctions::StateMachine",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::Events::Rule",
        "AWS::KMS::Key",
        "AWS::Lambda::Permission",
        "AWS::CDK::Metadata",
    }


def test_the_outputs_are_what_the_tools_read(template: dict[str, Any]) -> None:
    assert set(template["Outputs"]) == {
        "CodeVersion",
        "DatasetBucketName",
        "DatasetPrefix",
        "ModelPackageGroupName",
        "StateMachineArn",
        "TopicArn",
        "TrainingRoleArn",
        "UploaderPolicyArn",
        "OperatorPolicyArn",
    }
    assert template["Outputs"]["DatasetPrefix"]["Value"] == "dino-data"


ALARMS = {
    # metric: namespace, threshold, seconds, periods, statistic, dimension
    "ExecutionsFailed": ("AWS/States", 1, 300, 1, "Sum", ("StateMachineArn", "<PipelineStateMachine>")),
    "Errors": ("AWS/Lambda", 1, 1800, 2, "Sum", ("FunctionName", "<FunctionsSweep>")),
    QUIET: ("FloorplanDino", 900, 60, 1, "Maximum"),
    SPENT: ("FloorplanDino", 50, 86400, 1, "Sum"),
}


def test_alarms_tell_of_a_failed_run_a_quiet_job_a_failing_sweep_and_a_day_that_cost_too_much(
    resources: Resources,
) -> None:
    alarms = {item["Properties"]["MetricName"]: item["Properties"] for item in resources["AWS::CloudWatch::Alarm"]}
    assert set(alarms) == set(ALARMS)
    assert NAMESPACE == "FloorplanDino"
    for metric, alarm in alarms.items():
        keys = ("Namespace", "Threshold", "Period", "EvaluationPeriods", "Statistic")
        dimensions = ((each["Name"], readable(each["Value"])) for each in alarm.get("Dimensions", []))
        assert (*(alarm[key] for key in keys), *dimensions) == ALARMS[metric]
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert "DatapointsToAlarm" not in alarm
        assert [readable(action) for action in alarm["AlarmActions"]] == ["<NotificationsTopic>"]
        assert alarm["TreatMissingData"] == "notBreaching"
    clocks = {item["Properties"].get("ScheduleExpression") for item in resources["AWS::Events::Rule"]}
    assert "rate(15 minutes)" in clocks, "so that each period has a sweep"


def test_the_dashboard_shows_how_training_goes_and_what_it_costs(resources: Resources) -> None:
    (dashboard,) = resources["AWS::CloudWatch::Dashboard"]
    body = json.loads(readable(dashboard["Properties"]["DashboardBody"]))
    drawn = [metric for widget in body["widgets"] for metric in widget["properties"]["metrics"]]
    searched = [metric[0]["expression"] for metric in drawn if isinstance(metric[0], dict)]
    search = re.compile(
        r"SEARCH\('\{/aws/sagemaker/TrainingJobs,(\w+)\} MetricName=\"([\w:]+)\" \1=floorplan-dino-', 'Average', 60\)"
    )
    found = [search.fullmatch(expression) for expression in searched]
    by_dimension: dict[str, set[str]] = {"TrainingJobName": set(), "Host": set()}
    for match, expression in zip(found, searched, strict=True):
        assert match is not None, expression
        by_dimension[match[1]].add(match[2])
    assert by_dimension["Host"] == {"GPUUtilization", "GPUMemoryUtilization"}
    assert {"train:loss", "validation:ap", "validation:f1", "train:images_per_second"} < by_dimension["TrainingJobName"]
    assert by_dimension["TrainingJobName"] <= {metric["Name"] for metric in METRIC_DEFINITIONS}
    own = [metric[:2] for metric in drawn if isinstance(metric[0], str)]
    runs = [["AWS/States", f"Executions{end}"] for end in ("Succeeded", "Failed", "Aborted")]
    assert own == [["FloorplanDino", COST_SO_FAR], *runs]


def test_a_bad_end_is_finalised_and_a_new_manifest_starts_none_unless_asked(
    resources: Resources,
) -> None:
    rules = {
        tuple(item["Properties"].get("EventPattern", {}).get("source", ())): item["Properties"]
        for item in resources["AWS::Events::Rule"]
    }
    ended, sweep, manifest = rules["aws.states",], rules[()], rules["aws.s3",]
    assert ended["State"] == sweep["State"] == "ENABLED"
    assert ended["EventPattern"]["detail"]["status"] == ["FAILED", "ABORTED", "TIMED_OUT"]
    assert readable(ended["Targets"][0]["Arn"]) == "<FunctionsCleanUp.Arn>"
    assert sweep["ScheduleExpression"] == "rate(15 minutes)"
    assert readable(sweep["Targets"][0]["Arn"]) == "<FunctionsSweep.Arn>"
    assert manifest["State"] == "DISABLED"
    assert manifest["EventPattern"]["detail"]["object"] == {"key": ["dino-data/manifest.json"]}
    assert manifest["Targets"][0]["Input"] == '{"dataset_prefix":"dino-data"}'
    assert "NotificationConfiguration" not in bucket(resources, "DatasetBucket")["Properties"]
