"""Deploys the project's stacks with the CDK's command line to the AWS that the given environment names."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.clients import client
from local_aws.supervised_process import SupervisedProcess

ROOT = Path(__file__).resolve().parent.parent
CDK = ROOT / "node_modules" / ".bin" / "cdk"
LAST_LINES = 30
# For each command: no colours, no questions, no calls to the internet.
QUIET = ["--no-color", "--no-notices", "--no-version-reporting", "--ci"]


class DeploymentError(Exception):
    """The CDK's command line failed; the message is a sentence followed by its last lines."""


def deploy(
    environment: Mapping[str, str], *, context: Mapping[str, str], output_dir: Path, on_line: Callable[[str], None]
) -> dict[str, str]:
    """Bootstrap and deploy all stacks of app.py; return the outputs of the stacks by name.

    environment: the AWS_* variables that name the account (`EmbeddedAws.environment`); those of this process are
    not used. context: `-c` values for the app. output_dir: a folder of this call's own, for the cloud assembly.
    on_line: gets each line that the CDK prints, while it works. Raises DeploymentError.
    """
    if not CDK.exists():
        raise DeploymentError(f"{CDK} is missing: run `make setup`, which installs the CDK's command line.")
    output_dir = output_dir.resolve()
    output_dir.mkdir(parents=True, exist_ok=True)
    env = cdk_environment(environment, output_dir)
    assembly, outputs = output_dir / "cdk.out", output_dir / "outputs.json"
    given = [argument for name, value in context.items() for argument in ("--context", f"{name}={value}")]
    # The account by name, and outside the repository: else the CDK runs the app a second time just to find it.
    run_cdk(["bootstrap", f"aws://{account_of(env)}/{env['AWS_REGION']}"], env, on_line, cwd=output_dir)
    run_cdk(
        [
            *("deploy", "--all", "--app", shlex.join([sys.executable, "app.py"]), *given),
            *("--output", str(assembly), "--outputs-file", str(outputs)),
            *("--require-approval", "never", "--progress", "events"),
        ],
        env,
        on_line,
        cwd=ROOT,
    )
    return read_outputs(outputs)


def account_of(environment: Mapping[str, str]) -> str:
    """The account that the environment's credentials belong to; raises DeploymentError when AWS does not answer."""
    try:
        return str(client(environment, "sts").get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(f"AWS does not say which account to deploy to ({error}): is it up?") from None


def cdk_environment(environment: Mapping[str, str], output_dir: Path) -> dict[str, str]:
    """This process's environment with the given AWS settings in place of its own, and a home for the CDK."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    return {
        **ours,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),  # for node
        "CDK_HOME": str(output_dir / "cdk-home"),
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        # Half of the time of a synthesis, for warnings; the tests of the stacks and a deployment to AWS do validate.
        "CDK_VALIDATION": "false",
        "NODE_NO_WARNINGS": "1",  # on a Node that is old but serves, pages of advice about newer ones
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20,22,24",
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        **environment,
    }


def run_cdk(arguments: Sequence[str], env: Mapping[str, str], on_line: Callable[[str], None], *, cwd: Path) -> None:
    """Run one command of the CDK, line by line; raises DeploymentError when it fails."""
    last: deque[str] = deque(maxlen=LAST_LINES)
    process = SupervisedProcess([str(CDK), *arguments, *QUIET], cwd=cwd, env=env, output=subprocess.PIPE)
    try:
        for line in process.output or ():
            text = line.decode(errors="replace").rstrip()
            if text:
                last.append(text)
                on_line(text)
        code = process.wait()
    finally:
        process.kill()
    if code != 0:
        raise DeploymentError(f"`cdk {arguments[0]}` failed with exit code {code}. Its last lines:\n" + "\n".join(last))


def read_outputs(outputs: Path) -> dict[str, str]:
    """The outputs of all stacks, by output name: the CDK writes {stack: {output: value}}."""
    by_stack: dict[str, dict[str, str]] = json.loads(outputs.read_text())
    return {name: value for stack in by_stack.values() for name, value in stack.items()}
