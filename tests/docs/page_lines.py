"""The lines of code on the pages: what a reader would type, from blocks and from between backticks."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README, CONTRIBUTING, OPERATIONS = ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "operations.md"
PREDICTION = ROOT / "docs" / "prediction.md"

ONLY_CHECKED = {
    "make": "sets up, checks, tests or deploys a stack of its own: .ci/run calls them, their recipes are printed",
    "cdk": "tests/end_to_end deploys with the same two commands",
    "source": "activates the environment in which the tests run already",
    "curl": "downloads 100 MB, or needs the URL of a deployed function",
    "aws configure": "asks for an account's credentials",
    "aws s3 sync": "downloads what tests/end_to_end/test_serving.py reads",
    "aws sagemaker list-training-jobs": "the pipeline's sweep makes the same call, and tests/local_aws answers it",
    "aws sagemaker stop-training-job": "ends a job that other lines need; tests/end_to_end stops jobs so",
    "aws sqs receive-message": "tests/end_to_end/test_serving.py receives what is in the queue",
    "aws s3 cp": "sends what curl downloads; a file there would become the starting weights of the run that follows",
    "pre-commit": "is no part of the set-up",
    "pip install tensorboard": "is no part of the set-up",
    "python -m pip": "installs a hundred packages",
    "python -m pytest": "would run this test again",
    "python -m local_aws": "tests/local_aws starts and ends it",
    "python -m tests.chaos": "is run by `make chaos`",
    "python -m tests.training.test_golden_losses": "writes what the test of that name compares",
    "python -m training_code.train": "tests/training runs it in a job's folder",
    "python -m stacks.state_diagram": "writes into docs/architecture.md",
    "python -m runs compare": "tests/end_to_end compares runs that it names: others decide which are approved",
    "aws stepfunctions stop-execution": "ends a batch, of which none runs while the lines are run",
    "python -m runs predict": "tests/end_to_end/test_serving.py has it predict, with the stack that other pages lack",
    "python -m runs approve --previous": "tests/runs goes back: it would reject what other lines approve",
    "python -m runs start --set continue_from=RUN": "tests/end_to_end trains an earlier model further, for less time",
    "python -m runs start --set training.learning_rate=5e-5": "the request's own parser takes it",
    "python -m runs start --set 'instance_types=[\"ml.g5.12xlarge\"]'": "tests/pipeline/quote quotes such types",
    "python -m runs start --set instance_count=2": "tests/end_to_end trains on two instances, for less time",
    "python docs/augmentation_picture.py": "writes docs/augmentation.png",
    "python -m docs.permissions": "writes docs/permissions.md",
    "python -m evaluation": "tests/evaluation runs it on results that it writes itself, since no other model is here",
    "python -m prediction": "tests/prediction runs it on plans that it makes itself, with a small model",
    "python docs/finding_codes.py": "writes docs/finding-codes.md",
    "python docs/training_settings.py": "writes docs/training-settings.md",
    "python -m benchmarks.gpu": "takes minutes, and a GPU; tests/benchmarks tries its dry run",
    "python benchmarks/step_counts.py": "takes a minute; tests/benchmarks counts with it",
    "python benchmarks/compiled_counts.py": "takes a minute; tests/benchmarks counts with it",
    "python benchmarks/two_processes.py": "takes a minute; tests/benchmarks compares with it",
    "python benchmarks/sampling.py": "takes minutes",
    "python benchmarks/training_step.py": "takes minutes",
    "python benchmarks/step_history.py": "takes minutes, and the commits of the history",
    "python benchmarks/instance_speeds.py": "takes a minute; tests/benchmarks tries its rules",
    "python benchmarks/padding.py": "takes a minute, and a commit of this repository",
    "python benchmarks/check_coco.py": "takes minutes and an environment of its own",
    "python benchmarks/turned_plans.py": "trains two models for several minutes",
    "python benchmarks/predict_backends.py": "takes minutes",
    "python benchmarks/room_polygons.py": "takes minutes and a trained model",
    "python docs/vectors_picture.py": "writes docs/vectors.svg",
    "python dataset_prep/samples.py build/samples --count 6 --seed 3": "tests/prep makes samples",
    "python dataset_prep/run.py --source path/to/plans --output build/dataset --report": "tests/prep reports",
    "python dataset_prep/run.py --source path/to/plans --output build/openings": "tests/prep reads doors and windows",
    "python -m runs start --set preset=test_then_full --set dataset_prefix=dino-data-openings": "is parsed",
    "python dataset_prep/run.py --source path/to/export": "tests/prediction reads such exports",
    "python dataset_prep/run.py --classes": "is only the part of a command that chooses classes",
}
"""How commands begin that no test runs, and why. Their programs, options and files are checked all the same."""

NEITHER_COMMAND_NOR_PYTHON = (
    "filter execution = ",  # of CloudWatch Logs Insights
    "--model-approval-status Rejected",  # an option of the command above it
)
"""How other lines between backticks begin."""

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
ASSIGNMENTS = re.compile(r"^(?:[A-Z_]+=\S*\s+)*")
_COMMAND = re.compile(r"(make|python|cdk|aws|source|curl|pre-commit|pip|git|npm|docker)( |$)")
_CALL = re.compile(r"[A-Za-z_][\w.]*\(.*\)")


def commands(page: Path) -> list[str]:
    """Each command of the page, once, without comments; assignments of variables before it are left in."""
    text = page.read_text()
    typed = [
        command
        for language, block in _BLOCK.findall(text)
        if not language and not block.startswith("{")  # which is a line of a log
        for line in block.splitlines()
        for command in _split(line)
    ]
    return list(dict.fromkeys(typed + [span for span in spans(page) if is_command(span)]))


def commands_to_run(page: Path) -> list[str]:
    """Those that a test runs."""
    return [command for command in commands(page) if not any(_begins(command, start) for start in ONLY_CHECKED)]


def spans(page: Path) -> list[str]:
    """What stands between backticks outside of blocks."""
    return _SPAN.findall(_BLOCK.sub("", page.read_text()))


def is_command(span: str) -> bool:
    """Whether it is typed in a shell."""
    return bool(_COMMAND.match(ASSIGNMENTS.sub("", span)))


def python_calls(page: Path) -> list[str]:
    """Each call of Python between backticks."""
    return [span for span in spans(page) if _CALL.fullmatch(span)]


def python_blocks(page: Path) -> list[str]:
    """Each block of Python."""
    return [block for language, block in _BLOCK.findall(page.read_text()) if language == "python"]


def _begins(command: str, start: str) -> bool:
    words = shlex.split(start)
    return shlex.split(ASSIGNMENTS.sub("", command))[: len(words)] == words


def _split(line: str) -> list[str]:
    """The commands of a line: `a && b  # why: python c` is three."""
    typed, _, comment = re.sub(r"\s#", "\0", line, count=1).partition("\0")
    named = [words for words in comment.split(": ")[1:] if is_command(words)]
    return [command for command in re.split(r"\s*&&\s*", typed.strip()) if command] + named
