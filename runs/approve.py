"""Approves the model package of a run with the SageMaker SDK: the next runs are compared with it."""

from runs.errors import RunsError
from runs.executions import Run
from runs.state_input import text


def approve(run: Run) -> str:
    """Approve the package that the run registered and return its ARN. Raises RunsError if there is none."""
    arn = text(run.state_input, "outcome", "model_package_arn")
    if not arn:
        reason = text(run.state_input, "outcome", "sentence") or f"it is {run.status}, {run.summary}."
        raise RunsError(f"The run {run.name} registered no model: {reason}")
    try:
        from sagemaker.core.resources import ModelPackage  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "sagemaker":
            raise
        raise RunsError(
            "Approving needs the SageMaker SDK: install it with `python -m pip install '.[workstation]'`, or run "
            f"`aws sagemaker update-model-package --model-package-arn {arn} --model-approval-status Approved`."
        ) from None
    # Its ARN as its name: a version's own name is its group's, by which the SDK does not find it after the update.
    ModelPackage(model_package_name=arn, model_package_arn=arn).update(model_approval_status="Approved")
    return arn
