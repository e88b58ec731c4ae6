"""The pipeline's Lambda functions: one for each step, each with a role and a log group of its own."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct
from pipeline.settings import FinaliseSettings, LaunchSettings, ResolveSettings, Settings, ValidateSettings

from stacks.staging import ROOT, staged

_SOURCES = {
    "pipeline": ROOT / "lambda" / "pipeline",
    "dataset_contract": ROOT / "dataset_contract",
    # What the trainer calls its metrics; the rest of training_code needs torch.
    "training_code/__init__.py": ROOT / "training_code" / "__init__.py",
    "training_code/config.py": ROOT / "training_code" / "config.py",
    "training_code/metric_lines.py": ROOT / "training_code" / "metric_lines.py",
    "training_code/presets.py": ROOT / "training_code" / "presets.py",
}


class PipelineFunctions(Construct):
    """Standard library and boto3 only, so that the code runs on whatever Python the runtime has."""

    resolve: lambda_.Function
    validate: lambda_.Function
    launch: lambda_.Function
    watch: lambda_.Function
    finalise: lambda_.Function

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        resolve: ResolveSettings,
        validate: ValidateSettings,
        launch: LaunchSettings,
        finalise: FinaliseSettings,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self._log_retention = log_retention
        minute = Duration.minutes(1)
        with staged(_SOURCES) as folder:
            code = lambda_.Code.from_asset(str(folder))
            self.resolve = self._function("resolve", code, settings=resolve, timeout=minute)
            # Memory buys processors: one at 1769 MB. The check of 4,000 images takes seconds, of 100,000 minutes.
            self.validate = self._function(
                "validate", code, settings=validate, timeout=Duration.minutes(15), memory_mb=1769
            )
            self.launch = self._function("launch", code, settings=launch, timeout=minute)
            self.watch = self._function("watch", code, settings=None, timeout=minute)
            self.finalise = self._function("finalise", code, settings=finalise, timeout=minute)

    def _function(
        self, name: str, code: lambda_.Code, *, settings: Settings | None, timeout: Duration, memory_mb: int = 256
    ) -> lambda_.Function:
        """The function whose handler is pipeline.<name>.handler."""
        title = name.capitalize()
        log_group = logs.LogGroup(
            self, f"{title}Logs", retention=self._log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(self, f"{title}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        return lambda_.Function(
            self,
            title,
            description=f"floorplan-dino: step {title} of the training pipeline",
            code=code,
            handler=f"pipeline.{name}.handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            role=role,
            environment=settings.to_environment() if settings else None,
            timeout=timeout,
            memory_size=memory_mb,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
        )
