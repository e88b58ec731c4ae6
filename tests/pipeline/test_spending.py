"""The metric of what was spent, whose sum over a day the alarm watches: running jobs are in it, and none twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pipeline.aws_errors import raising_unavailable
from pipeline.cloudwatch_metrics import SPENT
from pipeline.errors import AwsUnavailable
from pipeline.execution import Execution
from pipeline.job.launched_job import LaunchedJob
from pipeline.settings import WatchSettings
from pipeline.state import to_state
from pipeline.steps import watch

from tests.pipeline.conftest import accepted_quote, context, described_job, launched_job

HOUR = timedelta(hours=1)
USD_PER_HOUR = 1.515


class Account:
    """Training jobs as SageMaker describes them, and the sum of the metric."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.spent = 0.0
        self.refuses = False

    def train(self, name: str, hours: float) -> None:
        """Let the job have been on its instance for so long."""
        self.jobs[name] = described_job(name, TrainingStartTime=datetime.now(UTC) - hours * HOUR)

    def end(self, name: str, *, billed_hours: float) -> None:
        self.jobs[name] = described_job(
            name, "Completed", "Completed", BillableTimeInSeconds=round(billed_hours * 3600)
        )

    def describe_training_job(self, *, TrainingJobName: str) -> dict[str, Any]:
        return self.jobs[TrainingJobName]

    def describe_log_streams(self, **_: Any) -> dict[str, Any]:
        return {"logStreams": []}

    def list_objects_v2(self, **_: Any) -> dict[str, Any]:
        return {}

    def put_metric_data(self, *, Namespace: str, MetricData: list[dict[str, Any]]) -> None:
        assert Namespace == "FloorplanDino"
        if self.refuses:
            raise ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "PutMetricData")
        self.spent += sum(data["Value"] for data in MetricData if data["MetricName"] == SPENT)


class Run:
    """What the state machine carries of one run, from Launch on."""

    def __init__(self, account: Account, name: str, request: dict[str, Any]) -> None:
        self.account = account
        machine = context()["Id"].rpartition(":")[0]
        self._context = context(Id=f"{machine}:{name}", Name=name)
        self.execution = Execution.from_context(self._context)
        self._request = request
        self.launched(launched_job(self.execution))

    def launched(self, job: LaunchedJob) -> None:
        """Launch, and the state CostCounted after it."""
        self.job = job
        self.watch: dict[str, Any] = {"counted_usd": job.counted_usd}

    def event(self) -> dict[str, Any]:
        parts = {"request": self._request, "quote": to_state(accepted_quote()), "job": to_state(self.job)}
        return {"execution": self._context, **parts, "counted_usd": self.watch["counted_usd"]}

    def look(self) -> None:
        self.watch = watch.handler(self.event(), None)

    def trains(self, hours: float) -> None:
        self.account.train(self.job.name, hours)
        self.look()

    def ends(self, *, billed_hours: float) -> None:
        self.account.end(self.job.name, billed_hours=billed_hours)
        self.look()


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    """Watch's clients are the account."""
    account = Account()
    for name in ("sagemaker_client", "logs_client", "s3_client", "cloudwatch_client"):
        monkeypatch.setattr(watch, name, lambda: account)
    for name, value in WatchSettings(stall_minutes=1440, queue_minutes=30).to_environment().items():
        monkeypatch.setenv(name, value)
    return account


@pytest.fixture
def run(account: Account, request_: object) -> Run:
    return Run(account, "first", to_state(request_))


def test_running_runs_add_up_and_one_that_has_ended_is_not_counted_again(
    account: Account, run: Run, request_: object
) -> None:
    other = Run(account, "second", to_state(request_))
    run.trains(1)
    other.trains(2)
    assert account.spent == pytest.approx(3 * USD_PER_HOUR, abs=0.02)
    run.trains(2)
    run.look()
    assert account.spent == pytest.approx(4 * USD_PER_HOUR, abs=0.02)
    run.ends(billed_hours=2)
    run.look()
    other.ends(billed_hours=2)
    assert account.spent == pytest.approx(4 * USD_PER_HOUR, abs=0.02)


def test_what_spot_saves_is_taken_off_at_the_jobs_end(account: Account, run: Run) -> None:
    run.trains(3)
    run.ends(billed_hours=1)
    assert account.spent == pytest.approx(USD_PER_HOUR, abs=0.01)


def test_the_next_jobs_cost_comes_on_top(account: Account, run: Run) -> None:
    run.trains(1)
    run.ends(billed_hours=1)
    run.launched(replace(run.job, name=run.execution.job_name(1), number=1, cost_before_usd=1.52))
    run.trains(2)
    assert account.spent == pytest.approx(3 * USD_PER_HOUR, abs=0.02)
    assert run.watch["execution_cost_usd"] == pytest.approx(3 * USD_PER_HOUR, abs=0.02)


def test_what_cloudwatch_refuses_comes_with_the_next_snapshot(account: Account, run: Run) -> None:
    run.trains(1)
    account.refuses = True
    run.trains(2)
    run.trains(3)
    account.refuses = False
    run.trains(4)
    assert account.spent == pytest.approx(4 * USD_PER_HOUR, abs=0.02)


def test_a_snapshot_that_fails_and_is_tried_again_or_redriven_counts_once(
    account: Account, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(**_: Any) -> dict[str, Any]:
        with raising_unavailable():
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "DescribeTrainingJob")
        raise AssertionError

    run.trains(1)
    with monkeypatch.context() as outage:
        outage.setattr(account, "describe_training_job", unavailable)
        for _ in range(3):
            with pytest.raises(AwsUnavailable):
                run.look()
    run.trains(2)
    assert account.spent == pytest.approx(2 * USD_PER_HOUR, abs=0.02)
