"""The training pipeline as a state machine: check, quote, launch, watch, judge, and at every end Finalise."""

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct
from pipeline.dataset.batches import CheckedBatch
from pipeline.errors import CaughtError, DatasetInvalid, InstanceNotFree, QuoteRefused
from pipeline.job.launched_job import Attempt
from pipeline.state import to_state
from pipeline.step import Step
from pipeline.steps import (
    check_images,
    failed,
    finalise,
    judge,
    launch,
    lock,
    merge_checks,
    quote,
    resolve,
    stop,
    validate,
    watch,
)

from stacks.pipeline_functions import PipelineFunctions
from stacks.state_paths import copy, equals, is_true, path, set_to
from stacks.steps import FOR_A_MINUTE, FOR_AN_HOUR, IF_LAMBDA_FAILS, Retries, step

_MAP_CONCURRENCY = 5
"""Batches that are checked at the same time: a new account has 10 concurrent Lambda functions for all that it does."""


class TrainingPipeline(Construct):
    """The input is read from the context object, so that even one that is not an object leads to Finalise.

    The execution has no time limit: that would end it without Finalise and leave the job running. The job has limits.
    """

    state_machine: sfn.StateMachine

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        functions: PipelineFunctions,
        log_retention: logs.RetentionDays,
    ) -> None:
        """`name` is the state machine's: the roles of its functions name its executions by it."""
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self,
            "Logs",
            # Under this prefix the log groups of many state machines share one resource policy.
            log_group_name=f"/aws/vendedlogs/states/{Stack.of(self).stack_name}",
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._functions = functions
        self._start = sfn.Pass(
            self,
            "Start",
            comment="The state starts as an object, whatever the input is: Resolve reads it from the context object",
            result=sfn.Result.from_object({}),
        )
        self._finalise = self._end_states()
        self._run_failed = sfn.Pass(
            self,
            "RunFailed",
            comment="Keeps when that was: redriven after that, Finalise stops nothing, and the run starts again",
            input_path="$$.State.EnteredTime",
            result_path=path("failed_at"),
        )
        self._run_failed.next(self._finalise)
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_chainable(self._definition()),
            state_machine_type=sfn.StateMachineType.STANDARD,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=True),
            tracing_enabled=True,
        )

    def _definition(self) -> sfn.Chain:
        first = sfn.Pass(
            self,
            "FirstChoice",
            comment="The first instance type of the request, for the first of its stages",
            result=sfn.Result.from_object(to_state(Attempt(stage=0, choice=0, number=0))),
            result_path=path("attempt"),
        )
        first.next(self._training())
        quote_step = self._step(quote.handler, into="quote")
        quote_step.next(
            sfn.Choice(self, "IsQuoteAccepted")
            .when(is_true("quote.accepted"), first)
            .otherwise(self._failure("QuoteNotAccepted", error=QuoteRefused.__name__, cause=path("quote.cause")))
        )
        resolve_step, lock_step = self._step(resolve.handler, into="request"), self._step(lock.handler, into="lock")
        return self._start.next(resolve_step).next(lock_step).next(self._validation(then=quote_step))

    def _validation(self, *, then: sfn.IChainable) -> sfn.IChainable:
        """Validate checks a data set of the usual size alone; a large one's images are checked in parallel batches."""
        # The context of a batch is not that of the run's execution, which the selector therefore hands down.
        given = {"execution": "$$.Execution", "request": path("request"), "batch": "$$.Map.Item.Value"}
        batches = sfn.DistributedMap(
            self,
            "CheckBatches",
            comment="Each batch files what it read in S3; its result says that it is done, or why not",
            items_path=path("dataset.batches"),
            item_selector={name: sfn.JsonPath.object_at(source) for name, source in given.items()},
            max_concurrency=_MAP_CONCURRENCY,
            result_path=path("checks"),
        )
        caught = CaughtError(**{name: sfn.JsonPath.string_at(path(f"failure.{name}")) for name in ("Error", "Cause")})
        batches.item_processor(
            step(
                self,
                check_images.handler,
                self._functions.check_images,
                into=None,
                caught_by=sfn.Pass(
                    self,
                    "BatchFailed",
                    comment="A failed batch would hide its error behind States.ExceedToleratedFailureThreshold",
                    parameters=to_state(CheckedBatch(images=0, failure=caught)),
                ),
                paths={name: f"$.{name}" for name in given},
            )
        )
        batches.add_catch(self._run_failed, errors=["States.ALL"], result_path=path("failure"))
        is_valid = (
            sfn.Choice(self, "IsDatasetValid")
            .when(equals("dataset.status", "valid"), then)
            .when(equals("dataset.status", "in_batches"), batches)
            .when(
                equals("dataset.status", "failed"),
                self._failure(
                    "CheckFailed", error=sfn.JsonPath.string_at(path("dataset.error")), cause=path("dataset.cause")
                ),
            )
            .otherwise(self._failure("DatasetRefused", error=DatasetInvalid.__name__, cause=path("dataset.cause")))
        )
        batches.next(self._step(merge_checks.handler, into="dataset")).next(is_valid)
        return self._step(validate.handler, into="dataset").next(is_valid)

    def _training(self) -> sfn.IChainable:
        """Launch, and then Wait and Watch until the job has ended, for each choice and stage that is needed."""
        launch_step = self._launch()
        # An outage of minutes must not end hours of training.
        watch_step = self._step(
            watch.handler,
            into="watch",
            retries=FOR_AN_HOUR,
            paths={"counted_usd": path("watch.counted_usd")},
        )
        stop_step = self._step(stop.handler, into="job", retries=FOR_AN_HOUR)
        wait = sfn.Wait(self, "Wait", time=sfn.WaitTime.seconds_path(path("job.watch_interval_seconds")))
        passed = set_to(
            self,
            "FirstMinutesPassed",
            "job.first_minutes",
            "passed",
            comment="Ten minutes without an error, a sound loss, no NaN, enough memory",
        )
        failed_minutes = sfn.Pass(self, "FirstMinutesFailed", comment="After ten minutes the loss had not fallen")
        counted = copy(
            self,
            "CostCounted",
            "job.counted_usd",
            "watch.counted_usd",
            comment="Each job's cost is counted from its first snapshot on",
        )
        next_choice = copy(
            self,
            "NextChoice",
            "watch.attempt",
            "attempt",
            comment="No capacity, or too long in the queue: the next instance type; after a fault of AWS the same",
        )
        # lambda/pipeline/job/progress.py decides watch.action.
        wait.next(watch_step).next(
            sfn.Choice(self, "WhatNext")
            .when(equals("watch.action", "wait"), wait)
            .when(equals("watch.action", "first_minutes_passed"), passed.next(wait))
            .when(equals("watch.action", "first_minutes_failed"), failed_minutes.next(stop_step))
            .when(equals("watch.action", "stop"), stop_step)
            .when(equals("watch.action", "relaunch"), next_choice.next(launch_step))
            .when(equals("watch.action", "completed"), self._judgement(launch_step))
            .otherwise(
                self._failure(
                    "TrainingNotCompleted",
                    error=sfn.JsonPath.string_at(path("watch.error")),
                    cause=path("watch.cause"),
                )
            )
        )
        stop_step.next(wait)
        launch_step.next(counted).next(wait)
        return launch_step

    def _launch(self) -> tasks.LambdaInvoke:
        """Launch, and the wait for an instance that an earlier job still has; Launch itself limits it."""
        launch_step = step(self, launch.handler, self._functions.launch, into="job", caught_by=None)
        wait = sfn.Wait(
            self,
            "WaitForInstance",
            comment="An earlier job is stopping, or its instance still counts against the quota",
            time=sfn.WaitTime.duration(Duration.minutes(1)),
        )
        launch_step.add_catch(wait, errors=[InstanceNotFree.__name__], result_path=path("waiting"))
        launch_step.add_catch(self._run_failed, errors=["States.ALL"], result_path=path("failure"))
        wait.next(launch_step)
        return launch_step

    def _judgement(self, launch_step: sfn.IChainable) -> sfn.IChainable:
        """Judges a completed job; each decision is a state, so that the console's graph shows it."""
        # The model is there: an outage must not lose it.
        judge_step = self._step(judge.handler, into="judgement", retries=FOR_AN_HOUR)
        next_stage = copy(
            self,
            "NextStage",
            "judgement.attempt",
            "attempt",
            comment="The test stage was good: the full stage follows",
        )
        interrupted = copy(
            self,
            "Interrupted",
            "judgement.attempt",
            "attempt",
            comment="The job was interrupted and completed without a model: the same choice again",
        )
        decisions = (
            sfn.Choice(self, "WhatFollows")
            .when(equals("judgement.decision", "next_stage"), next_stage.next(launch_step))
            .when(equals("judgement.decision", "interrupted"), interrupted.next(launch_step))
        )
        for decision, name in (("registered", "Registered"), ("unhealthy", "TestStageNotGoodEnough")):
            decisions.when(equals("judgement.decision", decision), sfn.Pass(self, name).next(self._finalise))
        judge_step.next(decisions.otherwise(sfn.Pass(self, "GateNotMet").next(self._finalise)))
        return judge_step

    def _end_states(self) -> sfn.IChainable:
        """Finalise and what follows it."""
        # What it raises is not caught, but ends the execution: a redrive then runs it again.
        finalise_step = step(
            self,
            finalise.handler,
            self._functions.finalise,
            into="outcome",
            caught_by=None,
            retries=FOR_AN_HOUR,
        )
        # A task that raises the run's error, not a Fail state: a redrive runs the task again, and it starts the run
        # again, while a Fail state could only fail again.
        # Trying again would not change the run's error; only Lambda's own, and the function's death, are.
        failed_step = step(
            self,
            failed.handler,
            self._functions.failed,
            into=None,
            caught_by=None,
            retries=IF_LAMBDA_FAILS,
        )
        failed_step.next(self._start)
        finalise_step.next(
            sfn.Choice(self, "HasSucceeded")
            .when(equals("outcome.status", "SUCCEEDED"), sfn.Succeed(self, "Succeeded", output_path=path("outcome")))
            .otherwise(failed_step)
        )
        return finalise_step

    def _step(
        self, handler: Step, *, into: str, retries: Retries = FOR_A_MINUTE, paths: Mapping[str, str] | None = None
    ) -> tasks.LambdaInvoke:
        """A step whose failure leads to RunFailed."""
        return step(
            self,
            handler,
            self._functions.of(handler),
            into=into,
            caught_by=self._run_failed,
            retries=retries,
            paths=paths,
        )

    def _failure(self, name: str, *, error: str, cause: str) -> sfn.Chain:
        """A decision that ends the run, in the form in which Catch puts an error into the state; `cause` is a path."""
        parameters = to_state(CaughtError(Error=error, Cause=sfn.JsonPath.string_at(cause)))
        return sfn.Pass(self, name, parameters=parameters, result_path=path("failure")).next(self._run_failed)
