"""Has the serving stack predict on many plans: looks for answers, quotes, starts a batch of the others, and fetches."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import boto3
from pipeline.model.approved_models import ApprovedModel, newest_approved

from dataset_contract.atomic_write import check_folder
from dataset_prep.plural import pluralise
from dataset_prep.progress import Advance, phase
from runs.batch_answers import BatchAnswers
from runs.batch_execution import failures, follow_batch, running_batch, start_batch
from runs.batch_plans import BatchPlan, find_plans, upload_plans
from runs.batch_quote import BatchQuote
from runs.deployed_stack import DeployedStack, find_serving
from runs.errors import RunsError
from runs.executions import name_of
from runs.parallel import in_parallel
from terminal.console import Terminal


def predict(console: Terminal, session: boto3.Session, stack: DeployedStack, options: argparse.Namespace) -> int:
    """Do what `python -m runs predict` says; return the exit status. Raises RunsError, and what AWS's clients raise."""
    batches = _Batches(console, session, stack, options)
    check_folder(options.to)
    try:
        batches.wait_for_another()
        found = find_plans(options.plans, options.to, batches.s3, stack.bucket)
        for note in found.notes:
            console.print(note)
        problems = [*found.problems, *batches.answer(found.plans)]
    except KeyboardInterrupt:
        console.print("A batch that was started goes on: repeat the command to see it and to fetch the answers.")
        return 130
    for problem in problems:
        console.print(problem)
    answered = len(found.plans) + len(found.problems) - len(problems)
    console.print(
        f"{pluralise(answered, 'plan has', 'plans have')} an answer in {options.to}, "
        f"{pluralise(len(problems), 'has', 'have')} none."
    )
    return 1 if problems else 0


class _Batches:
    """The serving stack's, with the approved model."""

    def __init__(
        self, console: Terminal, session: boto3.Session, stack: DeployedStack, options: argparse.Namespace
    ) -> None:
        """Raises RunsError if there is no such stack, or no approved model."""
        self._console, self._options = console, options
        self._serving = find_serving(session, options.stack)
        self._sagemaker, self._group = session.client("sagemaker"), stack.model_package_group
        self._stepfunctions = session.client("stepfunctions")
        self.s3 = session.client("s3")
        self._bucket = stack.bucket
        self._answers = BatchAnswers(self.s3, stack.bucket)
        self._model = self._approved()

    def _approved(self) -> ApprovedModel:
        model = newest_approved(self._sagemaker, self._group)
        if model is None:
            raise RunsError("No model is approved: `python -m runs approve` accepts the newest run's.")
        return model

    def wait_for_another(self) -> None:
        """Follow the batch that runs: two have no more functions than one, and might predict on the same plans."""
        if arn := running_batch(self._stepfunctions, self._serving.state_machine_arn):
            self._console.print(f"The batch {name_of(arn)} is running; what it leaves follows.")
            with phase(self._console, "Predict", None, "plans") as advance:
                follow_batch(self._stepfunctions, arn, advance)

    def answer(self, plans: Sequence[BatchPlan]) -> list[str]:
        """Fetch the answers, after a batch for those that are missing; a sentence for each plan that has none."""
        with phase(self._console, "Look for answers", len(plans), "plans") as advance:
            left = [plan for plan, _ in self._without_answer(plans, {self._model.arn}, advance)]
        if done := len(plans) - len(left):
            answered = pluralise(done, "plan is", "plans are")
            self._console.print(f"{answered} answered already by version {self._model.version} of the model.")
        if not left:
            return []
        keys = sorted({plan.key for plan in left})
        quote = BatchQuote(len(keys), self._serving.concurrency)
        self._console.print(f"Predict on {quote.sentence}")
        self._ask()
        files = [plan for plan in left if plan.path is not None]
        with phase(self._console, "Upload", len({plan.key for plan in files}), "plans") as advance:
            upload_plans(files, self.s3, self._bucket, advance)
        arn = start_batch(
            self._stepfunctions, self.s3, self._serving.state_machine_arn, self._bucket, keys, now=datetime.now(UTC)
        )
        with phase(self._console, "Predict", len(keys), "plans") as advance:
            follow_batch(self._stepfunctions, arn, advance)
        models = {self._model.arn, self._approved().arn}  # another one may have been approved meanwhile
        with phase(self._console, "Fetch", len(left), "plans") as advance:
            missing = self._without_answer(left, models, advance)
        why = failures(self._stepfunctions, arn) if missing else {}
        return [_problem(plan, refusal, why.get(plan.key, "")) for plan, refusal in missing]

    def _without_answer(
        self, plans: Sequence[BatchPlan], models: set[str], advance: Advance
    ) -> list[tuple[BatchPlan, str]]:
        """The plans that no such model has answered, with why they were refused; the others' answers are written."""

        def fetch(plan: BatchPlan) -> tuple[BatchPlan, str] | None:
            answer = self._answers.about(plan)
            answered = answer is not None and answer.model in models
            if answer is not None and answered:
                self._answers.write(plan, answer, self._options.to)
            advance()
            return None if answered else (plan, answer.error if answer is not None else "")

        return [each for each in in_parallel(fetch, plans) if each is not None]

    def _ask(self) -> None:
        """Return if the person agrees. Raises RunsError."""
        if self._options.yes:
            return
        if not sys.stdin.isatty():
            raise RunsError("Nobody can be asked here whether to start: agree with --yes.")
        self._console.print("Start? [y/N]")
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise RunsError("Nothing was started.")


def _problem(plan: BatchPlan, refusal: str, reason: str) -> str:
    name = str(plan.path or plan.name)
    if refusal and not reason:  # else it is of an earlier batch
        return refusal.replace(plan.key, name)
    why = f" ({reason.rstrip('.')})" if reason else ""
    return f"{name} has no answer{why}: the log of the serving function says more. Repeat the command to try it again."
