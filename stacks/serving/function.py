"""The function that predicts: its code, its layer, its URL, and the queue of the events that it could not handle."""

from pathlib import Path

from aws_cdk import Duration, RemovalPolicy, Size
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from serving.settings import MEMORY_MB, TIMEOUT_SECONDS, ServingSettings

from stacks.serving.layer import SOURCES, check_size, unpacked
from stacks.staging import staged

MODEL_CHECK_SECONDS = 60
"""How long after its approval another model serves at the latest."""
_RUNTIME = lambda_.Runtime.PYTHON_3_14
_ARCHITECTURE = lambda_.Architecture.X86_64
"""onnxruntime ends Lambda's ARM processors: it cannot read their description there (its issue 10038)."""


class ServingFunction(Construct):
    """Events that fail three times go to `dead_letters`; whoever calls `url` signs the request."""

    function: lambda_.Function
    url: lambda_.FunctionUrl
    dead_letters: sqs.Queue

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        bucket: str,
        group: str,
        wheels: Path,
        concurrency: int,
        log_retention: logs.RetentionDays,
    ) -> None:
        """`concurrency`: how many run at a time; 0 for as many as the account allows.

        Raises WheelsError if what `wheels` hold is more than Lambda accepts.
        """
        super().__init__(scope, construct_id)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        log_group = logs.LogGroup(self, "Logs", retention=log_retention, removal_policy=RemovalPolicy.DESTROY)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        with unpacked(wheels) as packages, staged(SOURCES) as code:
            check_size(packages, code)
            layer = lambda_.LayerVersion(
                self,
                "Packages",
                code=lambda_.Code.from_asset(str(packages)),
                compatible_runtimes=[_RUNTIME],
                compatible_architectures=[_ARCHITECTURE],
                description="floorplan-dino: onnxruntime, NumPy, Pillow, Shapely, PDFium",
            )
            self.function = lambda_.Function(
                self,
                "Function",
                description="floorplan-dino: predicts walls and rooms on a plan with the approved model",
                code=lambda_.Code.from_asset(str(code)),
                handler="serving.handler.handler",
                runtime=_RUNTIME,
                architecture=_ARCHITECTURE,
                layers=[layer],
                role=role,
                environment=ServingSettings(
                    bucket=bucket, model_package_group=group, model_check_seconds=MODEL_CHECK_SECONDS
                ).to_environment(),
                timeout=Duration.seconds(TIMEOUT_SECONDS),
                memory_size=MEMORY_MB,
                ephemeral_storage_size=Size.gibibytes(2),  # for a model while it is loaded
                reserved_concurrent_executions=concurrency or None,
                dead_letter_queue=self.dead_letters,
                tracing=lambda_.Tracing.ACTIVE,
                log_group=log_group,
                logging_format=lambda_.LoggingFormat.JSON,
            )
        self.url = self.function.add_function_url(auth_type=lambda_.FunctionUrlAuthType.AWS_IAM)
