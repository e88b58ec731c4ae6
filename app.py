"""The CDK app: `cdk deploy` runs it. Region and account come from the CDK's environment, the rest from cdk.json."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk

from stacks import arns
from stacks.configuration import Configuration, ConfigurationError
from stacks.container_wheels import WheelsError, ensure_wheels
from stacks.floorplan_dino_stack import FloorplanDinoStack
from stacks.serving.layer import serving_wheels
from stacks.serving.stack import ServingStack

PIPELINE = "FloorplanDino"
SERVING = PIPELINE + arns.SERVING
"""The stacks' names; the second is in the app only with `serving` in the context."""


def main() -> None:
    """Synthesise the stacks; needs no credentials. A wrong configuration ends it with one sentence."""
    app = cdk.App()
    env = cdk.Environment(
        account=os.environ.get("CDK_DEFAULT_ACCOUNT") or None, region=os.environ.get("CDK_DEFAULT_REGION") or None
    )
    try:
        add_stacks(app, Configuration.from_context(app.node.try_get_context), env)
    except (ConfigurationError, WheelsError) as error:
        sys.exit(str(error))
    app.synth()


def add_stacks(
    app: cdk.App,
    configuration: Configuration,
    env: cdk.Environment,
    *,
    wheels: Callable[[], Path] = ensure_wheels,
    layer_wheels: Callable[[], Path] = serving_wheels,
) -> None:
    """The stack of the pipeline, and with `serving` in the context the one that predicts on plans.

    `wheels` and `layer_wheels` fetch what their code needs. Raises ConfigurationError or WheelsError.
    """
    pipeline = FloorplanDinoStack(app, PIPELINE, configuration=configuration, wheels=wheels(), env=env)
    if configuration.serving:
        serving = ServingStack(
            app, SERVING, configuration=configuration, pipeline=PIPELINE, wheels=layer_wheels(), env=env
        )
        serving.add_stack_dependency(pipeline, "it uses the bucket and the topic by their exports")


if __name__ == "__main__":
    main()
