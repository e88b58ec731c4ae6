"""The training pipeline as a state machine: Resolve, Validate, Launch, Wait and Watch, and at every end Finalise."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.pipeline_functions import PipelineFunctions

_SERVICE_ERRORS = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "AwsUnavailable",  # ours: what the step called is busy or out of reach
]
_CRASHES = ["Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout"]
"""The step died or ran out of time. It may have done its work, which each step allows for."""
_ATTEMPTS_OVER_AN_HOUR = 32
"""With pauses of up to five minutes, drawn at random from nothing to that."""


class TrainingPipeline(Construct):
    """The input is read from the context object, so that even an input that is no object ends in Finalise.

    There is no time limit for the whole: it would end the execution without Finalise, and leave the job running. The
    job's own limits end it.
    """

    state_machine: sfn.StateMachine

    def __init__(
        self, scope: Construct, construct_id: str, *, functions: PipelineFunctions, log_retention: logs.RetentionDays
    ) -> None:
        super().__init__(scope, construct_id)
        log_group = logs.LogGroup(
            self,
            "Logs",
            # Under this prefix the log groups of many state machines share one resource policy.
            log_group_name=f"/aws/vendedlogs/states/{Stack.of(self).stack_name}",
            retention=log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            definition_body=sfn.DefinitionBody.from_chainable(self._definition(functions)),
            state_machine_type=sfn.StateMachineType.STANDARD,
            logs=sfn.LogOptions(destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=True),
            tracing_enabled=True,
        )

    def _definition(self, functions: PipelineFunctions) -> sfn.Chain:
        finalise = self._finalise(functions.finalise)
        start = sfn.Pass(
            self,
            "Start",
            comment="The state starts as an object, whatever the input is: Resolve reads it from the context object",
            result=sfn.Result.from_object({}),
        )
        resolve = self._task("Resolve", functions.resolve, {}, "$.request", caught_by=finalise)
        validate = self._task("Validate", functions.validate, {"request": "$.request"}, "$.dataset", caught_by=finalise)
        launch = self._task(
            "Launch", functions.launch, {"request": "$.request", "dataset": "$.dataset"}, "$.job", caught_by=finalise
        )
        watch = self._task(
            "Watch",
            functions.watch,
            {"job": "$.job"},
            "$.watch",
            caught_by=finalise,
            service_attempts=_ATTEMPTS_OVER_AN_HOUR,  # an outage of minutes must not end hours of training
        )
        wait = sfn.Wait(self, "Wait", time=sfn.WaitTime.seconds_path("$.job.watch_interval_seconds")).next(watch)
        refused = self._failure("DatasetRefused", error="DatasetInvalid", cause_path="$.dataset.cause").next(finalise)
        not_completed = self._failure(
            "TrainingNotCompleted", error_path="$.watch.error", cause_path="$.watch.cause"
        ).next(finalise)
        watch.next(
            sfn.Choice(self, "HasTrainingEnded")
            .when(sfn.Condition.string_equals("$.watch.action", "wait"), wait)
            .when(sfn.Condition.string_equals("$.watch.action", "completed"), finalise)
            .otherwise(not_completed)
        )
        is_valid = (
            sfn.Choice(self, "IsDatasetValid")
            .when(sfn.Condition.string_equals("$.dataset.verdict", "valid"), launch)
            .otherwise(refused)
        )
        launch.next(wait)
        return start.next(resolve).next(validate).next(is_valid)

    def _finalise(self, function: lambda_.Function) -> tasks.LambdaInvoke:
        """Finalise and what follows it: the execution's end."""
        failed = sfn.Fail(
            self,
            "FinaliserFailed",
            error="FinaliserFailed",
            cause="The run has ended, but its end could not be announced: the input of this state "
            "tells how, and why; look in the SageMaker console whether its training job still runs.",
        )
        finalise = self._task(
            "Finalise",
            function,
            {"state": "$"},
            "$.outcome",
            caught_by=failed,
            failure_path="$.finaliser_failure",  # beside the run's own failure
            service_attempts=_ATTEMPTS_OVER_AN_HOUR,
        )
        finalise.next(
            sfn.Choice(self, "HasSucceeded")
            .when(
                sfn.Condition.string_equals("$.outcome.status", "SUCCEEDED"),
                sfn.Succeed(self, "Succeeded", output_path="$.outcome"),
            )
            .otherwise(sfn.Fail(self, "Failed", error_path="$.outcome.error", cause_path="$.outcome.cause"))
        )
        return finalise

    def _task(
        self,
        name: str,
        function: lambda_.Function,
        payload: Mapping[str, str],
        result_path: str,
        *,
        caught_by: sfn.IChainable,
        failure_path: str = "$.failure",
        service_attempts: int = 6,
    ) -> tasks.LambdaInvoke:
        """One step. The function gets the execution's context (RedriveCount is in it only after a redrive, so
        the context goes as a whole) and the parts of the state in `payload`; what it raises goes to `caught_by`.
        """
        assert function.timeout is not None
        paths = {"execution": "$$.Execution", **payload}
        task = tasks.LambdaInvoke(
            self,
            name,
            lambda_function=function,
            payload=sfn.TaskInput.from_object({key: sfn.JsonPath.object_at(path) for key, path in paths.items()}),
            payload_response_only=True,
            result_path=result_path,
            retry_on_service_exceptions=False,  # the two below say it with jitter
            task_timeout=sfn.Timeout.duration(function.timeout.plus(Duration.seconds(30))),
        )
        for errors, attempts in ((_SERVICE_ERRORS, service_attempts), (_CRASHES, 3)):
            task.add_retry(
                errors=errors,
                interval=Duration.seconds(2),
                backoff_rate=2,
                max_attempts=attempts,
                max_delay=Duration.minutes(5),
                jitter_strategy=sfn.JitterType.FULL,
            )
        task.add_catch(caught_by, errors=["States.ALL"], result_path=failure_path)
        return task

    def _failure(self, name: str, *, cause_path: str, error: str | None = None, error_path: str = "") -> sfn.Pass:
        """A verdict that ends the run, in the form in which Catch puts an error into the state."""
        return sfn.Pass(
            self,
            name,
            parameters={
                "Error": error or sfn.JsonPath.string_at(error_path),
                "Cause": sfn.JsonPath.string_at(cause_path),
            },
            result_path="$.failure",
        )
