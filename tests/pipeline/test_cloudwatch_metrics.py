"""Metrics are for looking on: that they cannot be put ends no run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pipeline.cloudwatch_metrics import SPENT, put_metrics

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "Not for you."}}, "PutMetricData")


class Refusing:
    """CloudWatch, out of reach or not for us."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def put_metric_data(self, **_: Any) -> None:
        raise self._error


@pytest.mark.parametrize("error", [DENIED, EndpointConnectionError(endpoint_url="https://monitoring")])
def test_metrics_that_are_refused_are_logged_and_forgotten(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    put_metrics(cast("CloudWatchClient", Refusing(error)), {SPENT: 1.0})
    assert SPENT in caplog.text
    assert str(error) in caplog.text
