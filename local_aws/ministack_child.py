"""The program that ministack runs in: applies the patches and serves it on an inherited socket.

Usage: python -I -m local_aws.ministack_child FILE_DESCRIPTOR
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import logging
import os
import sys
from typing import Any

from local_aws.ministack_patches import (
    endpoints,
    execution_limits,
    gateway,
    iam_questions,
    lambda_concurrency,
    lambda_workers,
    map_run_resource,
    metric_namespace,
    object_bodies,
    policy_simulation,
    redrive,
    stale_executions,
    state_machine_role,
    status_events,
    switched_faults,
)

PATCHED_VERSION = "1.5.33"
PATCHES = (
    lambda_workers,
    lambda_concurrency,
    state_machine_role,
    execution_limits,
    stale_executions,
    status_events,
    redrive,  # around the three before it, whose events and answers it adds to
    metric_namespace,
    policy_simulation,
    map_run_resource,
)
ANSWERS = {
    "authorize": iam_questions.authorize,
    "role-credentials": iam_questions.role_credentials,
    "secrets": iam_questions.secret_of,
    "faults": switched_faults.switch,
}


def main(descriptor: int) -> None:
    """Serve until killed. Raises SystemExit when ministack is not the version that the patches fit."""
    installed = importlib.metadata.version("ministack")
    if installed != PATCHED_VERSION:
        sys.exit(
            f"local_aws/ministack_patches fits ministack {PATCHED_VERSION}, but {installed} is installed: run"
            " `make setup`, or check the patches against the new version and change PATCHED_VERSION."
        )
    for patch in PATCHES:
        patch.apply()
    # Imported here, so that another version is refused with a sentence before an import can fail.
    hypercorn_config: Any = importlib.import_module("hypercorn.config")
    hypercorn_asyncio: Any = importlib.import_module("hypercorn.asyncio")
    ministack_app: Any = importlib.import_module("ministack.app")
    config = hypercorn_config.Config()
    config.bind = [f"fd://{descriptor}"]
    config.certfile, config.keyfile = os.environ.get("MINISTACK_SSL_CERT"), os.environ.get("MINISTACK_SSL_KEY")
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    logging.getLogger("hypercorn.access").disabled = True
    host = f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"
    app = object_bodies.with_body_faults(endpoints.with_endpoints(ministack_app.app, ANSWERS))
    app = gateway.with_gate(app, host)
    asyncio.run(hypercorn_asyncio.serve(app, config))


if __name__ == "__main__":
    main(int(sys.argv[1]))
