"""A limit on functions that run at a time, as Step Functions and EventBridge meet it, and EventBridge's own retries.

ministack 1.5.33 has an account's limit, but Step Functions reports a call beyond it as Lambda.Unknown, and EventBridge
drops an event whose function fails or is beyond it. On AWS an event is tried again: two times after an error, and for
hours while it is throttled. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import contextvars
import importlib
import json
import time
from typing import Any

from local_aws.ministack_patches.switched_faults import switched

THROTTLED = "TooManyRequestsException"
QUEUE_SECONDS = 0.1
"""Between two attempts of a throttled event; AWS begins with a second."""
QUEUED: contextvars.ContextVar[bool] = contextvars.ContextVar("QUEUED", default=False)
"""Set in the thread of an event, which waits where a call fails."""


def apply() -> None:
    """Obey the limit that is switched on, name its error, and queue events."""
    lambda_svc: Any = importlib.import_module("ministack.services.lambda_svc")
    states: Any = importlib.import_module("ministack.services.stepfunctions")
    eventbridge: Any = importlib.import_module("ministack.services.eventbridge")
    acquire, execute = lambda_svc._acquire_execution_slot, lambda_svc._execute_function
    invoke_event, settings = lambda_svc.invoke_async_with_retry, lambda_svc._get_account_settings
    call_lambda, own_limit = states._call_lambda, lambda_svc._ACCOUNT_CONCURRENCY_CAP

    def set_limit() -> None:
        limit = switched().lambda_concurrency
        lambda_svc._ACCOUNT_CONCURRENCY_CAP = own_limit if limit is None else limit

    def acquire_within_limit(func: dict[str, Any], config: dict[str, Any]) -> Any:  # noqa: ANN401  ministack has no types
        set_limit()
        return acquire(func, config)

    def settings_with_limit(*arguments: Any) -> Any:  # noqa: ANN401
        set_limit()
        return settings(*arguments)

    def execute_or_wait(func: dict[str, Any], event: object) -> dict[str, Any]:
        result: dict[str, Any] = execute(func, event)
        while result.get("throttle") and QUEUED.get():
            time.sleep(QUEUE_SECONDS)
            result = execute(func, event)
        return result

    def invoke_queued_event(func: dict[str, Any], event: object) -> None:
        context = contextvars.copy_context()  # the event's thread takes a copy of it
        context.run(QUEUED.set, True)
        context.run(invoke_event, func, event)

    def call_lambda_with_error_name(function: str, event: object) -> Any:  # noqa: ANN401
        try:
            return call_lambda(function, event)
        except states._ExecutionError as error:
            if error.error == "Lambda.Unknown" and f'"{THROTTLED}"' in error.cause:
                cause = "Rate Exceeded. (Service: Lambda, Status Code: 429)"
                raise states._ExecutionError(f"Lambda.{THROTTLED}", cause) from None
            raise

    def dispatch_queued(arn: str, payload: str) -> None:
        function, config, _ = lambda_svc._get_func_record_for_ref(arn)
        if function and config:
            record = lambda_svc._execution_record_for_config(function, config)
            lambda_svc.invoke_async_with_retry(record, json.loads(payload))

    lambda_svc._acquire_execution_slot = acquire_within_limit
    lambda_svc._get_account_settings = settings_with_limit
    lambda_svc._execute_function = execute_or_wait
    lambda_svc.invoke_async_with_retry = invoke_queued_event
    states._call_lambda = call_lambda_with_error_name
    eventbridge._dispatch_to_lambda = dispatch_queued
