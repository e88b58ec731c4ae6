"""The ARNs, with wildcards, of what the policies of several stacks and people name."""

from aws_cdk import ArnFormat, Stack
from pipeline.execution import JOB_NAME_PREFIX

SERVING = "-Serving"
"""How the name of the serving stack goes on after that of the pipeline's; `python -m runs` finds it by that."""


def training_logs(stack: Stack) -> str:
    """What the jobs write to their log."""
    return stack.format_arn(service="logs", resource="log-group:/aws/sagemaker/TrainingJobs*")


def training_jobs(stack: Stack) -> str:
    """This pipeline's jobs."""
    return stack.format_arn(service="sagemaker", resource="training-job", resource_name=f"{JOB_NAME_PREFIX}*")


def model_package_group_of(stack: Stack, group: str) -> str:
    """One group of the registry."""
    return stack.format_arn(service="sagemaker", resource="model-package-group", resource_name=group)


def model_packages_of(stack: Stack, group: str) -> str:
    """The models of one group of the registry."""
    return stack.format_arn(service="sagemaker", resource="model-package", resource_name=f"{group}/*")


def stack_of(stack: Stack, name: str) -> str:
    """The stack of this name in the same account and region."""
    return stack.format_arn(service="cloudformation", resource="stack", resource_name=f"{name}/*")


def roles_of(stack: Stack) -> str:
    """The roles of one stack."""
    return stack.format_arn(service="iam", region="", resource="role", resource_name=f"{stack.stack_name}-*")


def state_machine_of(stack: Stack, name: str) -> str:
    """The ARN of a state machine of the account."""
    return stack.format_arn(
        service="states", resource="stateMachine", resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
    )


def executions_of(stack: Stack, state_machine_name: str) -> str:
    """All executions of one state machine."""
    return stack.format_arn(
        service="states",
        resource="execution",
        resource_name=f"{state_machine_name}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
