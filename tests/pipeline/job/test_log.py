"""The end of a job's log: its last sign of life and its last figures."""

from datetime import UTC, datetime
from typing import Any

from pipeline.job.log import LOG_GROUP, LogEnd, read_log_end

from tests.pipeline.conftest import StubbedClient
from training_code.job.metric_lines import TRAINING_FIGURES, training_line

AT = datetime(2026, 11, 20, 10, tzinfo=UTC)


def expect_stream(logs: StubbedClient, *names: str) -> None:
    logs.expect(
        "describe_log_streams",
        {"logStreams": [{"logStreamName": name} for name in names]},
        logGroupName=LOG_GROUP,
        logStreamNamePrefix="job/algo-1-",
        orderBy="LogStreamName",
        descending=True,
        limit=1,
    )


def expect_lines(logs: StubbedClient, *lines: str, token: str = "", before: str = "b/0") -> None:
    """On the page that `token` asks for; that of the lines before it is called `before`."""
    start = int(AT.timestamp() * 1000)
    events: list[dict[str, Any]] = [
        {"timestamp": start - 1000 * (len(lines) - 1 - position), "message": line}
        for position, line in enumerate(lines)
    ]
    logs.expect(
        "get_log_events",
        {"events": events, "nextBackwardToken": before},
        logGroupName=LOG_GROUP,
        logStreamName="job/algo-1-1800000000",
        limit=200,
        startFromHead=False,
        **({"nextToken": token} if token else {}),
    )
    if not token and before == "b/0":  # the stream's beginning
        expect_lines(logs, token="b/0")  # noqa: S106 - a page's


def test_the_figures_and_the_time_of_the_last_lines_are_read(logs: StubbedClient) -> None:
    expect_stream(logs, "job/algo-1-1800000000")
    figures = dict.fromkeys(TRAINING_FIGURES, 1.0) | {"loss": 12.5, "images_per_second": 2.7}
    line = training_line(step=20, steps=100, epoch=1, figures=figures)
    expect_lines(logs, "Going on.", line, "[train] step=1/1 epoch=1 is not whole", f"An image named {line}", "The end.")
    end = read_log_end(logs.client, "job")
    assert end.last_event == AT
    assert [(each.step, each.figures["loss"]) for each in end.training] == [(20, 12.5)]


def test_a_job_without_a_log_has_said_nothing(logs: StubbedClient) -> None:
    expect_stream(logs)
    assert read_log_end(logs.client, "job") == LogEnd(last_event=None, training=())


def test_the_first_job_of_an_account_has_no_log_group_yet(logs: StubbedClient) -> None:
    logs.refuse("describe_log_streams", "ResourceNotFoundException")
    assert read_log_end(logs.client, "job") == LogEnd()


def test_a_stream_that_expired_meanwhile_or_is_empty_says_nothing(logs: StubbedClient) -> None:
    expect_stream(logs, "job/algo-1-1800000000")
    logs.refuse("get_log_events", "ResourceNotFoundException")
    assert read_log_end(logs.client, "job") == LogEnd()
    expect_stream(logs, "job/algo-1-1800000000")
    expect_lines(logs)
    assert read_log_end(logs.client, "job") == LogEnd()


def test_of_a_silent_job_the_lines_before_its_silence_are_read(logs: StubbedClient) -> None:
    """CloudWatch's pages are spans of time: those of the silence are empty."""
    expect_stream(logs, "job/algo-1-1800000000")
    figures = dict.fromkeys(TRAINING_FIGURES, 1.0)
    expect_lines(logs, before="b/3")
    expect_lines(logs, token="b/3", before="b/2")  # noqa: S106
    expect_lines(logs, training_line(step=2, steps=9, epoch=1, figures=figures), token="b/2", before="b/1")  # noqa: S106
    expect_lines(logs, training_line(step=1, steps=9, epoch=1, figures=figures), token="b/1", before="b/0")  # noqa: S106
    expect_lines(logs, token="b/0", before="b/0")  # noqa: S106
    end = read_log_end(logs.client, "job")
    assert end.last_event == AT
    assert [line.step for line in end.training] == [1, 2]


def test_no_more_pages_are_read_than_the_last_lines_need(logs: StubbedClient) -> None:
    expect_stream(logs, "job/algo-1-1800000000")
    expect_lines(logs, *(["line"] * 150), before="b/1")
    expect_lines(logs, *(["line"] * 150), token="b/1", before="b/0")  # noqa: S106
    assert read_log_end(logs.client, "job").last_event == AT
