"""The pipeline's own CloudWatch metrics: what alarms watch and the dashboard draws beside SageMaker's."""

import logging
from collections.abc import Mapping

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.client_types import CloudWatchClient

NAMESPACE = "FloorplanDino"

SPENT = "TrainingSpent"
"""USD that a job has cost since its last snapshot: the sum over a time, and over all jobs, is what was spent in it.

Negative where SageMaker bills a spot job for less than its time on the instance.
"""
QUIET = "SecondsWithoutProgress"
"""Since the training job's last line in the log or its last checkpoint, at each snapshot."""
COST_SO_FAR = "TrainingCostSoFar"
"""USD of a run that has not ended, at each snapshot."""


def put_metrics(cloudwatch: CloudWatchClient, values: Mapping[str, float]) -> bool:
    """Put one value for each of these names; return whether CloudWatch took them.

    Raises nothing: neither training nor the message about its end may fail for want of a metric.
    """
    try:
        cloudwatch.put_metric_data(
            Namespace=NAMESPACE,
            MetricData=[
                {"MetricName": name, "Value": value, "Unit": "Seconds" if name == QUIET else "None"}
                for name, value in values.items()
            ],
        )
    except (ClientError, BotoCoreError) as error:
        logging.getLogger(__name__).warning("The metrics %s were not put: %s", ", ".join(values), error)
        return False
    return True
