"""Which faults ministack has: switched on by local_aws.faults, obeyed by ministack_patches in its process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MinistackFaults:
    """None at first. Step Functions, Lambda, EventBridge and S3 behave as told here, as AWS now and then does."""

    lambda_concurrency: int | None = None
    """As many functions may run at a time, as in a new account, which has 10. Beyond that, a call fails with
    TooManyRequestsException, and an event waits until a function has ended."""
    stale_seconds: float = 0
    """DescribeExecution and ListExecutions tell what was so many seconds ago: they are eventually consistent."""
    history_limit: int = 25_000
    """With as many events in its history an execution fails, and nothing catches that."""
    largest_state: int = 256 * 1024
    """With more bytes of a state's input or output it fails, too."""
    drop_status_events: bool = False
    """Step Functions' status events get lost, as "in some rare cases"."""
    delay_status_events: float = 0
    """Seconds until a status event arrives, with what it told when it was sent."""
    double_status_events: bool = False
    """Each status event arrives a second time, a second later."""
    break_bodies: int = 0
    """So many bodies of objects that functions read end in their middle, with the connection."""
    stall_bodies: int = 0
    """So many bodies of objects that functions read stop in their middle, and the connection stays."""
