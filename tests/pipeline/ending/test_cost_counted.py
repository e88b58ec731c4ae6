"""What an execution cost is counted once, whatever Watch has counted and however often its end is tried."""

from typing import Any

from botocore.stub import ANY

from tests.pipeline.conftest import described_job, listed
from tests.pipeline.ending.finalising import COMPLETED, End


def test_a_further_try_neither_sends_a_message_nor_counts_the_cost_once_more(end: End) -> None:
    end.sagemaker.expect("describe_training_job", described_job(end.name(), **COMPLETED))
    end.sagemaker.refuse_further_jobs()
    end.expect_locks()
    end.s3.expect("list_objects_v2", listed("the message"), Bucket="bucket", Prefix=ANY, MaxKeys=1)
    assert end.run().outcome.cost_usd == 1.52


def counted(end: End, **more: Any) -> float:
    """What the finalisation adds to the metric of what was spent."""
    put: list[dict[str, Any]] = []
    end.cloudwatch.client.meta.events.register(
        "provide-client-params.cloudwatch.PutMetricData", lambda params, **_: put.extend(params["MetricData"])
    )
    end.run(**more)
    (data,) = put
    assert data["MetricName"] == "TrainingSpent"
    return float(data["Value"])


def test_the_end_counts_what_watch_has_not(end: End) -> None:
    end.state["job"]["number"] = 1
    end.state["job"]["name"] = end.name(1)
    end.state["job"]["counted_usd"] = 0.5
    end.expect_jobs(COMPLETED, COMPLETED)  # the first was counted to its end
    end.expect_message()
    assert counted(end) == 1.02


def test_without_the_state_nothing_is_counted_twice(end: End) -> None:
    end.state = {}
    end.expect_jobs(COMPLETED)
    end.expect_message()
    assert counted(end) == 0


def test_metrics_that_cannot_be_written_keep_no_message_back(end: End) -> None:
    end.sagemaker.expect("describe_training_job", described_job(end.name(), **COMPLETED))
    end.sagemaker.refuse_further_jobs()
    end.cloudwatch.refuse("put_metric_data", "Throttling", "Rate exceeded")
    end.expect_message()
    assert end.run().outcome.status == "SUCCEEDED"
