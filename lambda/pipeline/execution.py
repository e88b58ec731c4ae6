"""The execution that a step runs in, from the state machine's context object."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

JOB_NAME_PREFIX = "floorplan-dino-"
"""Every training job's name starts with it: the roles are allowed to touch no other job."""

AT_WORK = frozenset({"RUNNING", "PENDING_REDRIVE"})
"""The statuses of an execution that has not ended."""

MAX_JOB_NUMBER = 9999
_SLUG_LENGTH = 36  # 15 (prefix) + 36 + 7 (hash) leaves 5 of SageMaker's 63 characters for "-9999"; a UUID fits whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """The execution of $$.Execution, which holds RedriveCount and RedriveTime only once it has been redriven."""

    arn: str
    name: str
    started: datetime
    redrive_count: int = 0
    redriven: datetime | None = None
    """When it was last redriven, if the state machine tells."""
    input: object = None
    """What the execution was started with, unchecked; Resolve makes the request of it."""

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Self:
        """From the `execution` that the state machine adds to each step's event."""
        return cls(
            arn=context["Id"],
            name=context["Name"],
            started=moment(context["StartTime"]),
            redrive_count=int(context.get("RedriveCount", 0)),
            redriven=moment(context["RedriveTime"]) if "RedriveTime" in context else None,
            input=context.get("Input"),
        )

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        """From DescribeExecution's answer, for a function that the state machine did not call."""
        return cls(
            arn=description["executionArn"],
            name=description["name"],
            started=description["startDate"].astimezone(UTC),
            redrive_count=int(description.get("redriveCount", 0)),
        )

    @property
    def region(self) -> str:
        """The region that the execution runs in, such as us-east-1."""
        return self.arn.split(":")[3]

    @property
    def tag(self) -> str:
        """The ARN, with the few characters that tag values may not hold replaced; at most 256 characters."""
        return re.sub(r"[^\w.:/=+@-]", "-", self.arn)[:256]

    def job_name(self, number: int) -> str:
        """The name of this execution's training job `number`, from 0 to MAX_JOB_NUMBER, in the order of their creation.

        A name can be used once only; SageMaker allows 63 characters of `[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}` and writes
        ARNs in lower case.
        """
        assert 0 <= number <= MAX_JOB_NUMBER
        slug = re.sub(r"[^a-z0-9]+", "-", self.name.lower())[:_SLUG_LENGTH].strip("-") or "run"
        # With the time, since Step Functions allows a name again after 90 days: the old job must not be taken for ours.
        # In whole seconds, since the context object and DescribeExecution give different fractions.
        start = self.started.replace(microsecond=0).isoformat()
        digest = hashlib.sha256(f"{self.arn} {start}".encode()).hexdigest()[:6]
        return f"{JOB_NAME_PREFIX}{slug}-{digest}" + (f"-{number}" if number else "")


def moment(text: str) -> datetime:
    """A time of the context object, in UTC. Raises ValueError."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
