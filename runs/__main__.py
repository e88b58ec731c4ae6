"""The runs of the deployed pipeline, and predictions by the models that they made, from a terminal.

python -m runs                       # the last runs
python -m runs start --set preset=full
python -m runs follow
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import boto3
from pipeline.links import execution_link
from pipeline.model.approved_models import approved_models

from dataset_contract.sanitise import sanitise
from evaluation.options import add_options
from evaluation.refusal import EvaluationUsageError
from runs.approve import approve, go_back
from runs.aws_session import open_session
from runs.deployed_stack import STACK, DeployedStack, find_stack
from runs.doctor.examination import examine
from runs.doctor.report import show
from runs.errors import AWS_ERRORS, RunsError, sentence_of
from runs.execution_follower import ExecutionFollower
from runs.executions import Run, find_run, last_runs, name_of, start_run, stop_run, wait_until_shown, without_model
from runs.fetch import MODEL, fetch_run
from runs.request_arguments import request_of
from runs.run_view import RunView
from runs.state_input import text, texts
from terminal.console import Terminal

POLL_SECONDS = 2.0

DESCRIPTION = """\
List, start, follow, stop, fetch, compare and approve runs of the deployed pipeline, look whether one can start, and
predict with the approved model. A run is an execution of its state machine, and NAME is the execution's name. AWS
credentials and region come from the environment or ~/.aws, as for every AWS tool.
"""
EXAMPLES = """\
examples:
  python -m runs                                     the last runs: name, state, outcome, cost
  python -m runs doctor                              can a run start? Looks at all that it needs, changes nothing
  python -m runs start                               start one with the deployment's defaults
  python -m runs start --set preset=full --set spot=false --set 'instance_types=["ml.g6e.2xlarge"]'
  python -m runs start '{"preset": "test_then_full", "max_cost_usd": 50}'
  python -m runs start --set training.learning_rate=5e-5 --set 'training.image_short_sides=[640, 800]'
  python -m runs follow                              the newest run, until it ends; Ctrl-C leaves it running
  python -m runs stop run-20261124-093000            stop it and its training job
  python -m runs fetch --to build/last-run           the newest run's reports, pictures, curves and unpacked model
  python -m runs compare                             is the newest registered model better than the approved one?
  python -m runs compare run-20261124-093000 run-20261123-180000 --to build/evaluation
  python -m runs approve                             accept its model: later models are compared with it
  python -m runs approve --previous                  reject the newest approved model: the one before it counts again
  python -m runs predict path/to/plans --to build/predictions
                                                     have the serving stack predict on them with the approved model

exit status: 0 done (follow: the run succeeded; doctor: nothing is bad; predict: each plan is answered), 1 AWS, the run
or a plan failed, or doctor found something bad, 2 wrong usage, 130 stopped by Ctrl-C.
"""


def build_parser() -> argparse.ArgumentParser:
    """One sub-command for each thing that can be done with runs."""
    parser = argparse.ArgumentParser(
        prog="python -m runs",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    stack_help = f"the deployed stack (default: {STACK})"
    parser.add_argument("--stack", default=STACK, metavar="STACK", help=stack_help)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    commands.add_parser("list", help="the last runs (the default)")
    commands.add_parser("doctor", help="look at all that a run needs; changes nothing")
    start = commands.add_parser("start", help="start a run (fields of a request: README)")
    start.add_argument("request", nargs="?", metavar="JSON", help="the request as one JSON object")
    start.add_argument(
        "--set", dest="settings", action="append", default=[], metavar="FIELD=VALUE", help="one field of the request"
    )
    for name, summary in (
        ("follow", "show a run until it ends: states, progress, cost, log"),
        ("stop", "end a run and its training job"),
        ("fetch", "download a run's reports, metrics, health, pictures, curves and model"),
        ("approve", "accept the model that a run registered"),
    ):
        command = commands.add_parser(name, help=summary)
        named = command.add_mutually_exclusive_group() if name == "approve" else command
        named.add_argument("name", nargs="?", metavar="NAME", help="the run's name (default: the newest run)")
        if name == "approve":
            named.add_argument(
                "--previous",
                action="store_true",
                help="reject the newest approved model: the one before it counts again",
            )
        if name == "fetch":
            command.add_argument("--to", type=Path, required=True, metavar="DIR", help="the folder to write")
    compare = commands.add_parser("compare", help="tell on their data set which runs' models are better")
    compare.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a run, or a folder that fetch wrote (default: the newest registered model; beside one alone: the newest "
        "approved one, or if there is none, the one registered before)",
    )
    compare.add_argument(
        "--data", type=Path, metavar="DIR", help="a data set's folder (default: the run's data set, from the bucket)"
    )
    add_options(compare)
    predict = commands.add_parser("predict", help="have the serving stack predict on many plans")
    predict.add_argument("plans", metavar="PLANS", help="a folder, a plan, or s3://DATASET_BUCKET_NAME/plans/...")
    predict.add_argument("--to", type=Path, required=True, metavar="DIR", help="the folder for the answers")
    predict.add_argument("--yes", action="store_true", help="start without asking whether the quote is accepted")
    for command in commands.choices.values():  # also understood after the command
        command.add_argument("--stack", default=argparse.SUPPRESS, metavar="STACK", help=stack_help)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    options = build_parser().parse_args(arguments)
    console = Terminal()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        session, is_doctor = open_session(), options.command == "doctor"
        return show(console, examine(session, options.stack)) if is_doctor else _command(console, session, options)
    except RunsError as mistake:
        _complain(str(mistake))
        return 1
    except EvaluationUsageError as mistake:
        _complain(str(mistake))
        return 2
    except AWS_ERRORS as error:
        _complain(sentence_of(error))
        return 1
    except OSError as error:
        _complain(
            f"{error.filename or 'A file'} cannot be read or written: {error.strerror}. Name a folder that you may "
            "write to, with room on its disk."
        )
        return 1
    except KeyboardInterrupt:
        _complain("Stopped.")
        return 130


def _command(console: Terminal, session: boto3.Session, options: argparse.Namespace) -> int:
    if options.command == "start":
        request = request_of(options.request, options.settings)  # before AWS is asked: it may be mistyped
    stack = find_stack(session, options.stack)
    stepfunctions = session.client("stepfunctions")
    if options.command in ("follow", "stop", "fetch") or (options.command == "approve" and not options.previous):
        run = find_run(stepfunctions, stack.state_machine_arn, options.name)
        return _of_run(console, session, stack, run, options)
    if options.command == "predict":
        from runs.predict import predict  # noqa: PLC0415 - Pillow, which others do without

        return predict(console, session, stack, options)
    if options.command == "start":
        arn = start_run(stepfunctions, stack.state_machine_arn, request, now=datetime.now(UTC))
        _say(console, f"Started {name_of(arn)}. Follow it with `python -m runs follow {name_of(arn)}`.")
        wait_until_shown(stepfunctions, arn)  # else the next command would not find it, or take an earlier one
    elif options.command == "compare":
        from runs.compare import compare_runs  # noqa: PLC0415 - numpy and matplotlib, which others do without

        compare_runs(session, stack, options, Terminal(stderr=True))
    elif options.command == "approve":
        _say(console, _gone_back(session, stack))
    else:
        _show(console, last_runs(stepfunctions, stack.state_machine_arn))
    return 0


def _of_run(
    console: Terminal, session: boto3.Session, stack: DeployedStack, run: Run, options: argparse.Namespace
) -> int:
    """What is done with one run."""
    if options.command == "follow":
        return _follow(console, session, stack, run)
    if options.command == "stop":
        stop_run(session.client("stepfunctions"), run)
        _say(console, _stopped(run))
    elif options.command == "fetch":
        _fetch(console, session, stack, run, options.to)
    else:
        _say(console, _approved(session, stack, approve(run)))
    return 0


def _approved(session: boto3.Session, stack: DeployedStack, arn: str) -> str:
    group = stack.model_package_group
    newest = approved_models(session.client("sagemaker"), group, most=1) if group else []
    if newest and newest[0] != arn:
        return (
            f"Approved {arn}, but {newest[0]} is newer and approved, too: later models are compared with that one "
            "until `python -m runs approve --previous` rejects it."
        )
    return f"Approved {arn}: later models are compared with it."


def _gone_back(session: boto3.Session, stack: DeployedStack) -> str:
    if not stack.model_package_group:
        raise RunsError("The deployed stack does not tell its group of models: deploy it again (`cdk deploy`).")
    in_use, rejected = go_back(session.client("sagemaker"), stack.model_package_group)
    return f"Rejected {rejected}. The approved model is {in_use} again: later models are compared with it."


def _show(console: Terminal, runs: Sequence[Run]) -> None:
    if not runs:
        _say(console, "There is no run yet: `python -m runs start` starts one.")
        return
    widest = max(len(sanitise(run.name)) for run in runs)
    _say(console, f"{'run':<{widest}}  {'started':<16}  {'state':<10} {'cost in USD':>11}  outcome")
    for run in runs:
        cost = "" if run.cost_usd is None else f"{run.cost_usd:.2f}"
        started = f"{run.started.astimezone():%Y-%m-%d %H:%M}"
        _say(
            console,
            f"{sanitise(run.name):<{widest}}  {started}  {run.status:<10} {cost:>11}  {sanitise(run.summary)}".rstrip(),
        )


def _follow(console: Terminal, session: boto3.Session, stack: DeployedStack, run: Run) -> int:
    """Show the run to its end. Ctrl-C stops the display only."""
    region = run.arn.split(":")[3]
    _say(console, f"The run {run.name}: {execution_link(region, run.arn)}")
    try:
        with RunView(console, region) as view:
            follower = ExecutionFollower(session, on_state=view.state, on_log=view.log, poll_seconds=POLL_SECONDS)
            follower.attach(run.arn)
            end = follower.wait_for_end()
    except KeyboardInterrupt:
        _say(
            console,
            f"The run {run.name} continues: `python -m runs follow {run.name}` shows it again, "
            f"`python -m runs stop {run.name}` ends it.",
        )
        return 130
    ended = find_run(session.client("stepfunctions"), stack.state_machine_arn, run.name)
    for line in _end_lines(ended, error=end.error, cause=end.cause):
        _say(console, line)
    return 0 if ended.status == "SUCCEEDED" else 1


def _end_lines(run: Run, *, error: str, cause: str) -> list[str]:
    """How the run ended, what it cost, and what can be done with it now."""
    lines = [f"The run {run.name} is {run.status}."]
    if error or cause:
        lines.append(f"{sanitise(error)}: {sanitise(text(run.state_input, 'outcome', 'cause') or cause)}")
    if sentence := text(run.state_input, "outcome", "sentence"):
        lines.append(sanitise(sentence))
    lines += [sanitise(line) for line in texts(run.state_input, "outcome", "comparisons")]
    if run.cost_usd is not None:
        lines.append(f"Its training cost {run.cost_usd:.2f} USD.")
    if text(run.state_input, "outcome", "artifact_uri"):
        lines.append(f"Its model: `python -m runs fetch {run.name} --to build/{run.name}`.")
    if text(run.state_input, "outcome", "model_package_arn"):
        lines.append(f"To accept it: `python -m runs approve {run.name}`.")
    return lines


def _stopped(run: Run) -> str:
    name = text(run.state_input, "job", "name")
    job = f"Its training job {name} is told to stop now" if name else "It had started no training job"
    return (
        f"Stopped {run.name}. {job}; a message to the topic says so within a minute or two. Its checkpoints are kept "
        f"for 30 days: `aws stepfunctions redrive-execution --execution-arn {run.arn}` continues from the last "
        "one, within 14 days."
    )


def _fetch(console: Terminal, session: boto3.Session, stack: DeployedStack, run: Run, folder: Path) -> None:
    paths = fetch_run(session, stack.bucket, run, folder)
    for path in paths:
        _say(console, str(path))
    if not paths:
        _say(console, f"The run {run.name} has no files yet: it is {run.status}, {run.summary}.")
    elif folder / MODEL not in paths:
        _say(console, without_model(run))


def _say(console: Terminal, line: str) -> None:
    console.print(line)


def _complain(sentence: str) -> None:
    Terminal(stderr=True).print(sentence)


if __name__ == "__main__":
    sys.exit(main())
