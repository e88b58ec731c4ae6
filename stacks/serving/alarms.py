"""What calls a person when plans get no answers: alarms that publish to the topic of the runs' messages."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

_PERIOD = Duration.minutes(5)


class ServingAlarms(Construct):
    """Of the function, its URL, its dead letters and the batches."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        function: lambda_.Function,
        dead_letters: sqs.Queue,
        batches: sfn.StateMachine,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        url_errors = cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name="Url5xxCount",
            dimensions_map={"FunctionName": function.function_name},
            statistic="Sum",
            period=_PERIOD,
        )
        letters = dead_letters.metric_approximate_number_of_messages_visible(period=_PERIOD, statistic="Maximum")
        for name, metric, description in (
            ("Failed", function.metric_errors(period=_PERIOD), "A prediction failed: the function's log says why"),
            ("UrlFailed", url_errors, "The function's URL gave no answer: the function's log says why"),
            ("Throttled", function.metric_throttles(period=_PERIOD), "More plans came at a time than are predicted on"),
            (
                "BatchFailed",
                batches.metric_failed(period=_PERIOD, statistic="Sum"),
                "A batch of plans failed as a whole: its execution says why",
            ),
            (
                "DeadLetters",
                letters,
                "A plan was given up after three tries: its event is in the queue of dead letters",
            ),
        ):
            alarm = metric.create_alarm(
                self,
                name,
                threshold=1,
                evaluation_periods=1,
                alarm_description=f"{description} (docs/serving.md).",
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            )
            alarm.add_alarm_action(actions.SnsAction(topic))
