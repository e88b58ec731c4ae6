"""Which faults ministack has: switched on by local_aws.faults, obeyed by ministack_patches in its process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MinistackFaults:
    """None at first. Step Functions, Lambda, EventBridge and S3 behave as told here, as AWS now and then does."""

    lambda_concurrency: int | None = None
    """As many functions may run at a time, as in a new account, which has 10. Beyond that, a call fails with
    TooManyRequestsException, and an event waits until a function has ended."""
