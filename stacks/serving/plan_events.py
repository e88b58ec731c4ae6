"""What starts the function without a person: a plan that is put into the bucket."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from pipeline.s3_layout import PLANS


class PlanEvents(Construct):
    """A rule on the account's default event bus; the stack of the pipeline has the bucket send its events there."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: s3.IBucket,
        function: lambda_.Function,
        dead_letters: sqs.Queue,
    ) -> None:
        super().__init__(scope, construct_id)
        events.Rule(
            self,
            "NewPlan",
            description=f"Predicts on each plan that is put into {PLANS}",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={"bucket": {"name": [bucket.bucket_name]}, "object": {"key": [{"prefix": PLANS}]}},
            ),
            targets=[
                targets.LambdaFunction(
                    function, dead_letter_queue=dead_letters, retry_attempts=185, max_event_age=Duration.hours(24)
                )
            ],
        )
