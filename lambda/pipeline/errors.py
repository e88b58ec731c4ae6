"""The errors that an execution can fail with; people see the class names in the console and in the message."""

from dataclasses import dataclass

from dataset_contract.bounded_json import JsonError, parse_bounded

# ruff: noqa: N818 - the class name is what a person reads: "DatasetInvalid" says it, "...Error" would add nothing


class PipelineError(Exception):
    """Something that a person can act on; its text is one sentence that says what, where and what to do."""


class RequestInvalid(PipelineError):
    """The execution's input is not a request."""


class AlreadyRunning(PipelineError):
    """Another execution works on the same data set."""


class DatasetMissing(PipelineError):
    """There is no complete data set where the request says."""


class DatasetInvalid(PipelineError):
    """The data set's report has errors."""


class QuoteRefused(PipelineError):
    """No instance type of the request has a quota and fits into its max_cost_usd."""


class LaunchFailed(PipelineError):
    """The training job could not be started: its code or its weights are missing, or SageMaker refused it."""


class FirstMinutesFailed(PipelineError):
    """The training job was stopped, since its first minutes were not healthy."""


class TrainingStalled(PipelineError):
    """The training job was stopped, since it no longer made progress."""


class OverBudget(PipelineError):
    """The training job was stopped, since it would have cost more than max_cost_usd."""


class TrainingFailed(PipelineError):
    """The training job ended as Failed."""


class TrainingStopped(PipelineError):
    """Somebody stopped the training job."""


class TrainingTimedOut(PipelineError):
    """The training job reached its time limit."""


class KeyRefused(PipelineError):
    """A KMS key, such as the one that an object of the bucket is encrypted by, may not or cannot be used."""


class DeploymentChanged(PipelineError):
    """The execution began under a deployment that carried its state in another form."""


class AwsUnavailable(Exception):
    """An AWS service is busy or out of reach: the state machine tries the step again."""


class InstanceNotFree(Exception):
    """An earlier job still has the instance: the state machine waits a minute and launches again."""


THROTTLED = "Lambda.TooManyRequestsException"
"""All functions of the account are at their limit, 10 at a time in a new account: nothing has failed."""
LAMBDA_ERRORS = frozenset(
    {
        THROTTLED,
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.ClientExecutionTimeoutException",
    }
)
"""Step Functions' names for what keeps Lambda from running a function."""

EXPECTED_ERRORS = frozenset(error.__name__ for error in PipelineError.__subclasses__())
"""Error names whose cause is a sentence for people; any other name is a fault of the pipeline itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaughtError:
    """As Step Functions puts a caught error into the state, such as into `$.failure`, so with its names."""

    Error: str = "Unknown"
    Cause: str = ""

    @property
    def message(self) -> str:
        """The sentence; of a Lambda function Cause is JSON with errorType, errorMessage and the stack trace."""
        try:
            content = parse_bounded(self.Cause)
        except JsonError:
            return self.Cause
        return str(content.get("errorMessage", self.Cause)) if isinstance(content, dict) else self.Cause
