"""`make demo`: deploys the stacks to an embedded AWS, makes or takes floor plans, and runs the whole pipeline on them.

Writes to build/demo: index.html, summary.json, the model in model/, and of generated plans the evaluation's report in
evaluation/. Removes everything else that it makes, and ends everything that it starts.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import boto3
from pipeline.errors import CaughtError

from dataset_prep.samples import write_samples
from demo.evaluation import write_evaluation
from demo.gallery import draw_pictures
from demo.phases import PhaseLog, PhaseProgress
from demo.results import read_manifest, remove_earlier, write_results
from demo.serving import ServingError, serve_folder, serve_plan
from demo.trained_model import fetch_model, keep_model
from demo.vectors import write_vectors
from evaluation.refusal import EvaluationError
from local_aws.deployment import DeploymentError, deploy
from local_aws.embedded import EmbeddedAws
from local_aws.ministack_process import MinistackError
from local_aws.supervised_process import SupervisedProcess
from prediction.predictor import Predictor
from runs.errors import RunsError
from runs.execution_follower import ROUTINE_STATES, ExecutionFollower, ExecutionSummary, TrainingJobSummary
from terminal.console import Terminal
from training_code.job.metric_lines import read_training_line

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
PRESET = "tiny"
IMAGES = "images"
"""The folder of a split that has its pictures."""
SAMPLE_PLANS = 32
SAMPLE_SEED = 7
TRAINING_PHASE = "train DINO"
WAIT_SCALE = 1 / 30
"""Watch reads the job once a minute; the demo's state machine waits two seconds instead."""

EXAMPLES = """\
examples:
  make demo
  make demo SOURCE=path/to/plans
  python -m demo --source path/to/plans
  make demo SERVE=1                        # and the stack that predicts on plans
"""


class DemoError(Exception):
    """A phase failed; the message is one sentence for the person at the terminal."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return 0 on success, 1 when a phase failed, 2 for wrong usage, 130 for Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="The whole pipeline on this machine, from floor plans to predictions.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--source",
        type=Path,
        help="your own plans, in any format that dataset_prep/run.py takes (default: generated plans)",
    )
    parser.add_argument(
        "--serve", action="store_true", help="also deploy the stack that predicts on plans, and have it predict"
    )
    options = parser.parse_args(arguments)
    try:
        if options.source is not None:
            options.source.stat()
    except OSError as error:
        parser.error(f"--source {options.source} ({error.strerror}): give the folder or file that holds your plans")
    for signal_number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, _interrupt)
    console = Terminal()
    try:
        BUILD.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="demo-", dir=BUILD) as scratch:
            page = run(console, Path(scratch), options.source, serve=options.serve)
    except OSError as error:  # a full disk, say
        console.print(
            f"The demo stopped: {error.filename or 'a file'} cannot be read or written: {error.strerror}. It needs a "
            "checkout that you may write to, with room on its disk.",
            style="red",
        )
        return 1
    except (DemoError, DeploymentError, EvaluationError, MinistackError, RunsError, ServingError) as failure:
        console.print(f"The demo stopped: {failure}", style="red")
        return failure.exit_code if isinstance(failure, DemoError) else 1
    except KeyboardInterrupt:
        console.print("The demo was interrupted; nothing that it started is left.")
        return 130
    console.print(f"Open {page} to see it.")
    return 0


def run(console: Terminal, scratch: Path, source: Path | None, *, serve: bool) -> Path:
    """Run all phases with files in `scratch`; return the page's path.

    Raises DemoError, DeploymentError, EvaluationError, MinistackError, RunsError, ServingError.
    """
    log = PhaseLog(console, total=(7 if source is None else 5) + (2 if serve else 0))
    request = request_for(source, serve=serve)
    with EmbeddedAws(scratch / "aws", wait_scale=WAIT_SCALE) as aws:
        with log.phase("deploy the stacks to the embedded AWS") as progress:
            outputs = deploy(
                aws.environment,
                context={"default_preset": PRESET} | ({"serving": "true"} if serve else {}),
                output_dir=scratch / "deployment",
                on_line=progress.show,
            )
        plans = source
        if plans is None:
            plans = scratch / "plans"
            with log.phase("make floor plans"):
                write_samples(plans, SAMPLE_PLANS, SAMPLE_SEED)
        dataset = scratch / "dataset"
        with log.phase("prepare and upload the data set", own_output=True):
            prepare(plans, dataset, bucket=outputs["DatasetBucketName"], environment=aws.environment)
        session = session_of(aws.environment)
        execution, job = follow_state_machine(log, session, outputs["StateMachineArn"], request)
        manifest = read_manifest(dataset)
        with log.phase("predict on plans that were held out"):
            model = fetch_model(session, job.model_artifact, scratch / "model")
            predictor = Predictor.load(model.directory)
            remove_earlier(BUILD / "demo")
            pictures = draw_pictures(dataset, predictor, manifest.classes)
            vectors = write_vectors(dataset, pictures.held_out, predictor, BUILD / "demo")
        report = None
        if source is None:
            with log.phase("evaluate the model beside a worse one", own_output=True):
                report = write_evaluation(dataset, model.directory, scratch, BUILD / "demo" / "evaluation", console)
        keep_model(model, BUILD / "demo" / "model")
        served = None
        if serve:
            images = dataset / pictures.held_out / IMAGES
            with log.phase("approve the model and put a plan into plans/"):
                answer = serve_plan(session, outputs["DatasetBucketName"], execution.arn, images, BUILD / "demo")
            with log.phase("predict on a folder as one batch", own_output=True):
                served = serve_folder(console, session, answer, images, BUILD / "demo")
    return write_results(
        BUILD / "demo",
        manifest=manifest,
        generated=source is None,
        preset=PRESET,
        execution=execution,
        job=job,
        model=model,
        pictures=pictures,
        vectors=vectors,
        served=served,
        request=request,
        report=report,
        phases=log.finished,
        training_phase=TRAINING_PHASE,
        stack_outputs=outputs,
    )


def request_for(source: Path | None, *, serve: bool) -> dict[str, Any]:
    """The state machine's input: complete as `{}`, but without the deployment's gate where that would end the demo.

    Only a registered model can be served, and the demo's is too weak for that gate; the validation split of a few plans
    of one's own may have no box to measure it on.
    """
    return {"quality_gate": {}} if serve or source is not None else {}


def prepare(plans: Path, dataset: Path, *, bucket: str, environment: dict[str, str]) -> None:
    """Run dataset_prep/run.py as a user would; it ends with this process, even if that is killed."""
    command = [sys.executable, str(ROOT / "dataset_prep" / "run.py")]
    arguments = ["--source", str(plans), "--output", str(dataset), "--bucket", bucket]
    ours = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = SupervisedProcess(
        [*command, *arguments], cwd=Path.cwd(), env=ours | environment, output=sys.stdout.fileno()
    )
    try:
        code = process.wait()
    finally:
        process.kill()
    if code != 0:
        raise DemoError(f"{plans} could not be prepared, for the reason above.", exit_code=code)


def session_of(environment: dict[str, str]) -> boto3.Session:
    """A session for the account that `environment` names; from now on this process uses that account only."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(environment)
    return boto3.Session()


def follow_state_machine(
    log: PhaseLog, session: boto3.Session, state_machine_arn: str, request: Mapping[str, Any]
) -> tuple[ExecutionSummary, TrainingJobSummary]:
    """Start the state machine with `request` and follow it to its end. Raises DemoError unless it succeeds."""
    showing: PhaseProgress

    def show_state(name: str, _state_input: Mapping[str, Any]) -> None:
        if name not in ROUTINE_STATES:  # while the job runs, its log says more
            showing.show(f"state {name}")

    def show_log_line(line: str) -> None:
        figures = read_training_line(line)
        if figures is not None:
            showing.show(line, fraction=figures.step / max(1, figures.steps))

    follower = ExecutionFollower(session, on_state=show_state, on_log=show_log_line)
    with log.phase("start the state machine: validate and launch") as showing:
        follower.start(state_machine_arn, request)
        if follower.wait_for_job() is None:
            raise _failure_of(follower.wait_for_end())
    with log.phase(TRAINING_PHASE) as showing:
        execution = follower.wait_for_end()
    if execution.status != "SUCCEEDED" or execution.job is None:
        raise _failure_of(execution)
    return execution, execution.job


def _failure_of(execution: ExecutionSummary) -> DemoError:
    cause = CaughtError(Error=execution.error, Cause=execution.cause).message
    return DemoError(f"the execution ended with {execution.status}, {execution.error}: {cause}")


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """End like Ctrl-C, so that everything is cleaned up."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
