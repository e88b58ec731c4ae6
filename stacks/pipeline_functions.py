"""The pipeline's Lambda functions: one for each step, each with a role and a log group of its own."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct
from pipeline.settings import (
    BucketSettings,
    Defaults,
    FinaliseSettings,
    JudgeSettings,
    LaunchSettings,
    QuoteSettings,
    Settings,
    SweepSettings,
    WatchSettings,
)
from pipeline.step import Step

from stacks.staging import ROOT, staged

_SOURCES = {
    "pipeline": ROOT / "lambda" / "pipeline",
    "archive_reader": ROOT / "archive_reader",
    "dataset_contract": ROOT / "dataset_contract",
    # The readers of baselines, without what needs numpy.
    **{
        f"evaluation/{name}": ROOT / "evaluation" / name
        for name in (
            "__init__.py",
            "refusal.py",
            "results/__init__.py",
            "results/baseline_files.py",
            "results/found_boxes.py",
            "results/given_names.py",
            "results/plan_index.py",
            "results/results_file.py",
        )
    },
    # The trainer's settings, metrics, files and health; the rest of training_code needs torch.
    **{
        f"training_code/{name}": ROOT / "training_code" / name
        for name in (
            "__init__.py",
            "config.py",
            "config_checks.py",
            "measured_batch.py",
            "model_config.py",
            "recipes.py",
            "job/__init__.py",
            "job/checkpoint_layout.py",
            "job/health.py",
            "job/metric_lines.py",
            "training_settings.py",
        )
    },
}


class PipelineFunctions(Construct):
    """Each is an attribute with its step's name.

    Standard library and boto3 only, so that the code runs on whatever Python the runtime has.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        resolve: Defaults,
        bucket: BucketSettings,
        quote: QuoteSettings,
        launch: LaunchSettings,
        watch: WatchSettings,
        judge: JudgeSettings,
        finalise: FinaliseSettings,
        sweep: SweepSettings,
        topic: sns.Topic,
        log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        self._log_retention = log_retention
        self._by_name: dict[str, lambda_.Function] = {}
        # Three minutes for work of seconds: a client waits up to 99 seconds for an endpoint that is silent.
        short, longest = Duration.minutes(3), Duration.minutes(15)
        with staged(_SOURCES) as folder:
            self._code = lambda_.Code.from_asset(str(folder))
            self.resolve = self._function("resolve", settings=resolve, timeout=short)
            self.lock = self._function("lock", settings=bucket, timeout=short)
            # The share of a processor grows with the memory: a whole one at 1769 MB. 4,000 images take seconds to
            # check; docs/decisions has the figures of larger data sets.
            self.validate, self.check_images, self.merge_checks = (
                self._function(name, settings=bucket, timeout=longest, memory_mb=1769)
                for name in ("validate", "check_images", "merge_checks")
            )
            # It reads baselines, of up to 64 MiB each.
            self.quote = self._function("quote", settings=quote, timeout=Duration.minutes(5), memory_mb=1769)
            self.launch = self._function("launch", settings=launch, timeout=short)
            self.watch = self._function("watch", settings=watch, timeout=short)
            self.stop = self._function("stop", settings=None, timeout=short)
            # It reads the whole artifact, some 380 MB, as a stream.
            self.judge = self._function("judge", settings=judge, timeout=Duration.minutes(5), memory_mb=1769)
            self.finalise = self._function("finalise", settings=finalise, timeout=short)
            self.failed = self._function("failed", settings=None, timeout=short)
            # Nobody waits for its answer: if all three attempts fail, the topic gets its event.
            self.clean_up = self._function("clean_up", settings=finalise, timeout=short, dead_letters=topic)
            self.sweep = self._function("sweep", settings=sweep, timeout=longest)

    @property
    def tasks(self) -> tuple[lambda_.Function, ...]:
        """Those that the state machine calls."""
        return tuple(function for name, function in self._by_name.items() if name not in ("clean_up", "sweep"))

    def of(self, handler: Step) -> lambda_.Function:
        """The function whose handler it is."""
        return self._by_name[handler.name]

    def _function(
        self,
        name: str,
        *,
        settings: Settings | None,
        timeout: Duration,
        memory_mb: int = 256,
        dead_letters: sns.Topic | None = None,
    ) -> lambda_.Function:
        """The function whose handler is pipeline.steps.<name>.handler."""
        title = name.title().replace("_", "")
        log_group = logs.LogGroup(
            self, f"{title}Logs", retention=self._log_retention, removal_policy=RemovalPolicy.DESTROY
        )
        role = iam.Role(self, f"{title}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(role)
        self._by_name[name] = lambda_.Function(
            self,
            title,
            description=f"floorplan-dino: step {title} of the training pipeline",
            code=self._code,
            handler=f"pipeline.steps.{name}.handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            role=role,
            environment=settings.to_environment() if settings else None,
            timeout=timeout,
            memory_size=memory_mb,
            dead_letter_topic=dead_letters,
            tracing=lambda_.Tracing.ACTIVE,
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
        )
        return self._by_name[name]
