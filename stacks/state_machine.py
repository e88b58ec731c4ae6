"""The training pipeline as a state machine: check, quote, launch, watch, judge, and at every end Finalise."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.pipeline_functions import PipelineFunctions
from stacks.steps import ATTEMPTS_OVER_AN_HOUR, step

_MAP_CONCURRENCY = 40
"""Batches of images that are checked at the same time: far below an account's 1,000 concurrent Lambda functions."""


class TrainingPipeline(Construct):
    """The input is read from the context object, so that even an input that is no object ends in Finalise.

    There is no time limit for the whole: it would end the execution without Finalise, and leave the job running. The
    job's own limits end it.
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
        self._finalise = self._ending()
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
        functions, finalise = self._functions, self._finalise
        resolve = step(self, "Resolve", functions.resolve, {}, "$.request", caught_by=finalise)
        lock = step(self, "Lock", functions.lock, {"request": "$.request"}, "$.lock", caught_by=finalise)
        quote = step(
            self,
            "Quote",
            functions.quote,
            {"request": "$.request", "dataset": "$.dataset"},
            "$.quote",
            caught_by=finalise,
        )
        first = sfn.Pass(
            self,
            "FirstChoice",
            comment="The first instance type of the request, for the first of its runs",
            result=sfn.Result.from_object({"run": 0, "choice": 0, "number": 0}),
            result_path="$.attempt",
        )
        first.next(self._training())
        quote.next(
            sfn.Choice(self, "IsQuoteAccepted")
            .when(sfn.Condition.boolean_equals("$.quote.accepted", True), first)
            .otherwise(self._failure("QuoteNotAccepted", error="QuoteRefused", cause_path="$.quote.cause"))
        )
        return self._start.next(resolve).next(lock).next(self._validation(then=quote))

    def _validation(self, *, then: sfn.IChainable) -> sfn.IChainable:
        """Validate checks a data set of the usual size alone; a large one's images are checked in parallel batches."""
        functions, finalise = self._functions, self._finalise
        validate = step(self, "Validate", functions.validate, {"request": "$.request"}, "$.dataset", caught_by=finalise)
        batches = sfn.DistributedMap(
            self,
            "CheckImages",
            comment="Each batch files its findings in S3, so nothing comes back but that it is done",
            items_path="$.dataset.batches",
            item_selector={
                "execution": sfn.JsonPath.object_at("$$.Execution"),
                "request": sfn.JsonPath.object_at("$.request"),
                "batch": sfn.JsonPath.object_at("$$.Map.Item.Value"),
            },
            max_concurrency=_MAP_CONCURRENCY,
            result_path=sfn.JsonPath.DISCARD,
        )
        batches.item_processor(
            # The context of a batch's own execution is not the run's, which the selector therefore hands down.
            step(
                self,
                "CheckBatch",
                functions.check_images,
                {"execution": "$.execution", "request": "$.request", "batch": "$.batch"},
                "$",
                caught_by=None,
            )
        )
        batches.add_catch(finalise, errors=["States.ALL"], result_path="$.failure")
        merge = step(
            self,
            "MergeChecks",
            functions.merge_checks,
            {"request": "$.request", "dataset": "$.dataset"},
            "$.dataset",
            caught_by=finalise,
        )
        is_valid = (
            sfn.Choice(self, "IsDatasetValid")
            .when(sfn.Condition.string_equals("$.dataset.verdict", "valid"), then)
            .when(sfn.Condition.string_equals("$.dataset.verdict", "in_batches"), batches)
            .otherwise(self._failure("DatasetRefused", error="DatasetInvalid", cause_path="$.dataset.cause"))
        )
        batches.next(merge).next(is_valid)
        validate.next(is_valid)
        return validate

    def _training(self) -> sfn.IChainable:
        """Launch, and then Wait and Watch until the job has ended, for each choice and run that is needed."""
        functions, finalise = self._functions, self._finalise
        launch = step(
            self,
            "Launch",
            functions.launch,
            {"request": "$.request", "dataset": "$.dataset", "quote": "$.quote", "attempt": "$.attempt"},
            "$.job",
            caught_by=finalise,
        )
        watch = step(
            self,
            "Watch",
            functions.watch,
            {"request": "$.request", "dataset": "$.dataset", "quote": "$.quote", "job": "$.job"},
            "$.watch",
            caught_by=finalise,
            service_attempts=ATTEMPTS_OVER_AN_HOUR,  # an outage of minutes must not end hours of training
        )
        stop = step(
            self,
            "Stop",
            functions.stop,
            {"job": "$.job", "watch": "$.watch"},
            "$.job",
            caught_by=finalise,
            service_attempts=ATTEMPTS_OVER_AN_HOUR,
        )
        wait = sfn.Wait(self, "Wait", time=sfn.WaitTime.seconds_path("$.job.watch_interval_seconds")).next(watch)
        passed = sfn.Pass(
            self,
            "FirstMinutesPassed",
            comment="Ten minutes without an error, a falling loss, no NaN, enough memory",
            result=sfn.Result.from_string("passed"),
            result_path="$.job.first_minutes",
        )
        failed = sfn.Pass(self, "FirstMinutesFailed", comment="The watch says which of the four did not hold")
        next_choice = sfn.Pass(
            self,
            "NextChoice",
            comment="No capacity, or too long in the queue: the request's next instance type",
            input_path="$.watch.attempt",
            result_path="$.attempt",
        )
        watch.next(
            sfn.Choice(self, "WhatNext")
            .when(sfn.Condition.string_equals("$.watch.action", "wait"), wait)
            .when(sfn.Condition.string_equals("$.watch.action", "first_minutes_passed"), passed.next(wait))
            .when(sfn.Condition.string_equals("$.watch.action", "first_minutes_failed"), failed.next(stop))
            .when(sfn.Condition.string_equals("$.watch.action", "stop"), stop)
            .when(sfn.Condition.string_equals("$.watch.action", "relaunch"), next_choice.next(launch))
            .when(sfn.Condition.string_equals("$.watch.action", "completed"), self._judgement(launch))
            .otherwise(self._failure("TrainingNotCompleted", error_path="$.watch.error", cause_path="$.watch.cause"))
        )
        stop.next(wait)
        launch.next(wait)
        return launch

    def _judgement(self, launch: sfn.IChainable) -> sfn.IChainable:
        """The verdict on a finished job; each is a state, so that the console's graph shows it."""
        judge = step(
            self,
            "Judge",
            self._functions.judge,
            {"request": "$.request", "dataset": "$.dataset", "quote": "$.quote", "job": "$.job", "watch": "$.watch"},
            "$.judgement",
            caught_by=self._finalise,
            service_attempts=ATTEMPTS_OVER_AN_HOUR,  # the model is there: an outage must not lose its verdict
        )
        next_run = sfn.Pass(
            self,
            "NextRun",
            comment="The test run was good: the full run follows",
            input_path="$.judgement.attempt",
            result_path="$.attempt",
        ).next(launch)
        verdicts = sfn.Choice(self, "WhatFollows").when(
            sfn.Condition.string_equals("$.judgement.action", "next_run"), next_run
        )
        for action, name in (("registered", "Registered"), ("unhealthy", "TestRunNotGoodEnough")):
            verdicts.when(
                sfn.Condition.string_equals("$.judgement.action", action), sfn.Pass(self, name).next(self._finalise)
            )
        judge.next(verdicts.otherwise(sfn.Pass(self, "GateNotMet").next(self._finalise)))
        return judge

    def _ending(self) -> sfn.IChainable:
        """Finalise and what follows it: the execution's end."""
        # What it raises is not caught, but ends the execution: a redrive then runs it again.
        finalise = step(
            self,
            "Finalise",
            self._functions.finalise,
            {"state": "$"},
            "$.outcome",
            caught_by=None,
            service_attempts=ATTEMPTS_OVER_AN_HOUR,
        )
        # A task that raises the run's error, not a Fail state: a redrive runs it again, and then it lets the run begin
        # anew, while a Fail state could only fail again.
        failed = step(self, "Failed", self._functions.failed, {"outcome": "$.outcome"}, "$", caught_by=None)
        failed.next(self._start)
        finalise.next(
            sfn.Choice(self, "HasSucceeded")
            .when(
                sfn.Condition.string_equals("$.outcome.status", "SUCCEEDED"),
                sfn.Succeed(self, "Succeeded", output_path="$.outcome"),
            )
            .otherwise(failed)
        )
        return finalise

    def _failure(self, name: str, *, cause_path: str, error: str | None = None, error_path: str = "") -> sfn.Chain:
        """A verdict that ends the run, in the form in which Catch puts an error into the state."""
        return sfn.Pass(
            self,
            name,
            parameters={
                "Error": error or sfn.JsonPath.string_at(error_path),
                "Cause": sfn.JsonPath.string_at(cause_path),
            },
            result_path="$.failure",
        ).next(self._finalise)
