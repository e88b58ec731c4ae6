"""Approves the model of a run with the SageMaker SDK, or goes back to the model that was approved before."""

from pipeline.client_types import SageMakerClient
from pipeline.model.approved_models import approved_models

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


def go_back(sagemaker: SageMakerClient, group: str) -> tuple[str, str]:
    """Reject the newest approved package, so that the one before it is the newest; the ARNs of both, that one first.

    Raises RunsError if there are no two.
    """
    newest, before = [*approved_models(sagemaker, group, most=2), "", ""][:2]
    if not newest:
        raise RunsError(
            "No model is approved, so there is nothing to go back from: `python -m runs approve` accepts one."
        )
    if not before:
        raise RunsError(
            f"{newest} is the only approved model: accept another run's first (`python -m runs approve NAME`), or use "
            "none (`aws sagemaker update-model-package --model-approval-status Rejected --model-package-arn "
            f"{newest}`)."
        )
    sagemaker.update_model_package(ModelPackageArn=newest, ModelApprovalStatus="Rejected")
    return before, newest
