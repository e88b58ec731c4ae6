"""Sends a job's output to CloudWatch Logs, and what the metric definitions find in it to CloudWatch."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from local_aws.sagemaker.job_clients import JobClients

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
METRIC_NAMESPACE = "/aws/sagemaker/TrainingJobs"
# PutLogEvents takes 1 MiB and 10,000 events, each counted with 26 bytes more; an event 256 KiB, 4 bytes a character.
BYTES_PER_CALL = 1024 * 1024
EVENTS_PER_CALL = 10_000
EVENT_OVERHEAD = 26
LONGEST_MESSAGE = 65_000
METRICS_PER_CALL = 1000


class JobLog:
    """Collects the lines of one host in one attempt of a job in a thread; `flush` sends them."""

    def __init__(self, clients: JobClients, *, job_name: str, host: str, definitions: Sequence[dict[str, str]]) -> None:
        self._logs, self._cloudwatch = clients.logs, clients.cloudwatch
        self._job_name = job_name
        self._definitions = [(definition["Name"], re.compile(definition["Regex"])) for definition in definitions]
        self._stream = f"{job_name}/{host}-{int(time.time())}"
        self._stream_exists = False
        self._lock = threading.Lock()
        self._events: list[InputLogEventTypeDef] = []
        self._metrics: list[MetricDatumTypeDef] = []
        self.ended = threading.Event()

    def read(
        self, output: Iterable[bytes], as_in_container: Callable[[str], str], when_ended: Callable[[], None]
    ) -> None:
        """Collect lines until the output ends; then set `ended` and call `when_ended`. Runs in a thread of its own.

        as_in_container: gives paths in a line their names inside the container.
        """
        try:
            for line in output:
                self._take(as_in_container(line.decode(errors="replace").rstrip("\r\n")))
        finally:
            self.ended.set()
            when_ended()

    def _take(self, line: str) -> None:
        now = datetime.now(UTC)
        with self._lock:
            for start in range(0, len(line), LONGEST_MESSAGE):
                self._events.append(
                    {"timestamp": int(now.timestamp() * 1000), "message": line[start : start + LONGEST_MESSAGE]}
                )
            for name, regex in self._definitions:
                match = regex.search(line)
                value = as_number(match.group(1)) if match else None
                if value is None:
                    continue
                self._metrics.append(
                    {
                        "MetricName": name,
                        "Dimensions": [{"Name": "TrainingJobName", "Value": self._job_name}],
                        "Timestamp": now,
                        "Value": value,
                    }
                )

    def flush(self) -> None:
        """Send everything that was collected since the last call."""
        with self._lock:
            events, self._events = self._events, []
            metrics, self._metrics = self._metrics, []
        if events and not self._stream_exists:
            self._create_stream()
        for batch in batches(events):
            self._logs.put_log_events(logGroupName=LOG_GROUP, logStreamName=self._stream, logEvents=batch)
        for start in range(0, len(metrics), METRICS_PER_CALL):
            self._cloudwatch.put_metric_data(
                Namespace=METRIC_NAMESPACE, MetricData=metrics[start : start + METRICS_PER_CALL]
            )

    def _create_stream(self) -> None:
        with contextlib.suppress(self._logs.exceptions.ResourceAlreadyExistsException):
            self._logs.create_log_group(logGroupName=LOG_GROUP)
        with contextlib.suppress(self._logs.exceptions.ResourceAlreadyExistsException):
            self._logs.create_log_stream(logGroupName=LOG_GROUP, logStreamName=self._stream)
        self._stream_exists = True


def batches(events: Sequence[InputLogEventTypeDef]) -> Iterator[list[InputLogEventTypeDef]]:
    """Cut the events into what one PutLogEvents takes."""
    batch: list[InputLogEventTypeDef] = []
    size = 0
    for event in events:
        event_size = len(event["message"].encode()) + EVENT_OVERHEAD
        if batch and (size + event_size > BYTES_PER_CALL or len(batch) == EVENTS_PER_CALL):
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += event_size
    if batch:
        yield batch


def as_number(text: str | None) -> float | None:
    """The number that a metric definition captured; None if CloudWatch would refuse it."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if abs(value) <= 2.0**360 else None  # false for NaN and infinity too
