"""How often a job may be looked at: at 25,000 events in its history an execution fails, and nothing catches that."""

from dataclasses import dataclass

from pipeline.aws_errors import raising_unavailable
from pipeline.client_types import SFNClient
from pipeline.errors import LaunchFailed
from pipeline.execution import Execution

MOST_EVENTS = 25_000
"""Redrives add to the same history. Source: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""
SNAPSHOT_EVENTS = 9
"""Of Wait, Watch and WhatNext; a retry of Watch adds three, at most a hundred an hour."""
_RESERVE = 1_000
"""For an outage, Judge and Finalise."""
_LEAST_SNAPSHOTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryBudget:
    """What is left of an execution's history for the job that is to be launched."""

    snapshots: int

    @classmethod
    def of(cls, stepfunctions: SFNClient, execution: Execution) -> "HistoryBudget":
        """Half of the events that are left: a further choice, stage or redrive must have some, too.

        Raises LaunchFailed if these are too few, AwsUnavailable.
        """
        with raising_unavailable():
            newest = stepfunctions.get_execution_history(
                executionArn=execution.arn, reverseOrder=True, maxResults=1, includeExecutionData=False
            )["events"]
        used = newest[0]["id"] if newest else 0
        snapshots = (MOST_EVENTS - _RESERVE - used) // (2 * SNAPSHOT_EVENTS)
        if snapshots < _LEAST_SNAPSHOTS:
            raise LaunchFailed(
                f"The execution has {used:,} of the {MOST_EVENTS:,} events that Step Functions allows, so no further "
                "training job could be watched to its end. Start a new execution."
            )
        return cls(snapshots=snapshots)

    def interval_seconds(self, *, longest: int, configured: int) -> int:
        """Seconds between two snapshots of a job that lasts up to `longest` seconds: as configured, or more."""
        return max(configured, -(-longest // self.snapshots))
