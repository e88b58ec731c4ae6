"""Runs the embedded AWS for a person, until Ctrl-C.

python -m local_aws
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
from pathlib import Path

from local_aws.deployment import ROOT
from local_aws.embedded import EmbeddedAws
from local_aws.ministack_process import MinistackError

DESCRIPTION = """\
An AWS account on this machine: S3, Lambda, Step Functions, CloudFormation and others by ministack, SageMaker's training
jobs as local processes, its model registry, images, prices and quotas. It is empty at first, and gone when this command
ends. It listens on 127.0.0.1 only, and takes only what is signed with the keys of this run, which it prints.
"""
EXAMPLE = """\
example:
  python -m local_aws            # in one terminal; it prints what to set in another one, and there, say:
  cdk bootstrap && cdk deploy --require-approval never
  python dataset_prep/run.py --help
"""


def main() -> int:
    """Start it, print how to use it, wait; return the exit code."""
    argparse.ArgumentParser(
        prog="python -m local_aws",
        description=DESCRIPTION,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends it like Ctrl-C
    try:
        with EmbeddedAws(ROOT / "build" / "local_aws") as aws:
            say(instructions(aws.environment))
            code = aws.wait()
            say(f"ministack has ended by itself with exit code {code}: start the embedded AWS again.")
            return 1
    except MinistackError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("The embedded AWS is gone, and everything in it.")
        return 0


def instructions(environment: dict[str, str]) -> str:
    """What to type in another terminal."""
    foreign = sorted(name for name in os.environ if name.startswith("AWS_") and name not in environment)
    lines = [
        "# The embedded AWS runs until Ctrl-C. In another terminal:",
        f"cd {shlex.quote(str(ROOT))}",
        f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH",
        *([f"unset {' '.join(foreign)}"] if foreign else []),
        *(f"export {name}={shlex.quote(value)}" for name, value in environment.items()),
        "# and to deploy the stacks to it:",
        "cdk bootstrap && cdk deploy --require-approval never",
    ]
    return "\n".join(lines)


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
