"""What a person looks at while jobs train, the dashboard, and what calls them when they do not look, the alarms."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct
from pipeline.cloudwatch_metrics import COST_SO_FAR, NAMESPACE, QUIET, SPENT
from pipeline.execution import JOB_NAME_PREFIX

_MINUTE = Duration.minutes(1)
_TRAINING = "/aws/sagemaker/TrainingJobs"


class Monitoring(Construct):
    """One dashboard and four alarms, which publish to the topic of the runs' messages."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        state_machine: sfn.StateMachine,
        sweep: lambda_.Function,
        topic: sns.ITopic,
        daily_budget_usd: int,
        stall_minutes: float,
    ) -> None:
        """`stall_minutes`: the watch stops a job after so many; the alarm comes at half, to look before that."""
        super().__init__(scope, construct_id)
        self._action = actions.SnsAction(topic)
        failed = state_machine.metric_failed(period=Duration.minutes(5), statistic="Sum")
        self._alarm("ExecutionFailed", failed, 1, "A run of the training pipeline failed: its message says why")
        quiet = _own(QUIET, "Maximum", _MINUTE)
        self._alarm(
            "JobQuiet",
            quiet,
            stall_minutes / 2 * 60,
            f"A training job has shown no progress for {stall_minutes / 2:g} minutes: look at its log",
        )
        day = Duration.days(1)
        self._alarm(
            "Budget",
            _own(SPENT, "Sum", day),
            daily_budget_usd,
            f"Training has cost {daily_budget_usd} USD or more within a day (cdk.json: daily_budget_usd)",
        )
        # It runs every 15 minutes, so at least once in each of the two periods: one failure alone raises no alarm.
        self._alarm(
            "SweepFailing",
            sweep.metric_errors(period=Duration.minutes(30), statistic="Sum"),
            1,
            "Sweep has failed for an hour, so a job that nothing else stops would run on: its log says why",
            periods=2,
        )
        dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=Stack.of(self).stack_name, default_interval=Duration.hours(12)
        )
        dashboard.add_widgets(
            _jobs_widget("Loss", "train:loss", "train:loss_class", "train:loss_bbox", "train:loss_giou"),
            _jobs_widget("Average precision and F1", "validation:ap", "validation:ap50", "validation:f1"),
        )
        dashboard.add_widgets(
            _jobs_widget("Images per second", "train:images_per_second"),
            _jobs_widget("GPU and GPU memory in use (%)", "GPUUtilization", "GPUMemoryUtilization", dimension="Host"),
        )
        dashboard.add_widgets(
            cloudwatch.GraphWidget(
                title="Cost of the run so far (USD)", left=[_own(COST_SO_FAR, "Maximum", _MINUTE)], width=12
            ),
            cloudwatch.GraphWidget(
                title="Runs",
                left=[state_machine.metric_succeeded(), failed, state_machine.metric_aborted()],
                width=12,
            ),
        )

    def _alarm(
        self, name: str, metric: cloudwatch.Metric, threshold: float, description: str, *, periods: int = 1
    ) -> None:
        alarm = metric.create_alarm(
            self,
            name,
            threshold=threshold,
            evaluation_periods=periods,
            alarm_description=f"{description}.",
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(self._action)


def _own(name: str, statistic: str, period: Duration) -> cloudwatch.Metric:
    return cloudwatch.Metric(namespace=NAMESPACE, metric_name=name, statistic=statistic, period=period)


def _jobs_widget(title: str, *metrics: str, dimension: str = "TrainingJobName") -> cloudwatch.GraphWidget:
    """Metrics of all jobs of this pipeline; jobs come and go, so they are searched for.

    What the trainer's log lines say has the dimension TrainingJobName, what SageMaker measures on the instances Host,
    which are <job>/algo-1, <job>/algo-2 and so on.
    """
    term = f"{dimension}={JOB_NAME_PREFIX}"
    expressions = [
        cloudwatch.MathExpression(
            expression=f"SEARCH('{{{_TRAINING},{dimension}}} MetricName=\"{metric}\" {term}', 'Average', 60)",
            label=metric,
            using_metrics={},
            period=_MINUTE,
        )
        for metric in metrics
    ]
    return cloudwatch.GraphWidget(title=title, left=expressions, width=12)
