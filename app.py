"""The CDK app: `cdk deploy` runs it. Region and account come from the CDK's environment, the rest from cdk.json."""

from __future__ import annotations

import os
import sys

import aws_cdk as cdk

from stacks.configuration import Configuration, ConfigurationError
from stacks.container_wheels import WheelsError, ensure_wheels
from stacks.floorplan_dino_stack import FloorplanDinoStack


def main() -> None:
    """Synthesise the stack; needs no credentials. A wrong configuration ends it with one sentence."""
    app = cdk.App()
    try:
        FloorplanDinoStack(
            app,
            "FloorplanDino",
            configuration=Configuration.from_context(app.node.try_get_context),
            wheels=ensure_wheels(),
            env=cdk.Environment(
                account=os.environ.get("CDK_DEFAULT_ACCOUNT") or None,
                region=os.environ.get("CDK_DEFAULT_REGION") or None,
            ),
        )
    except (ConfigurationError, WheelsError) as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
