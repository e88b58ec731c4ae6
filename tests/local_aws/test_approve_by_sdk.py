"""The SageMaker SDK itself approves a model, where the extra `workstation` is installed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runs.approve import approve
from runs.executions import Run
from tests.local_aws.conftest import Account
from tests.local_aws.test_model_registry import new_group, register


def test_the_sdk_approves_the_package_that_a_run_registered(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sagemaker.core.resources", reason="the extra `workstation` is not installed")
    arn = register(account, new_group(account))
    for name, value in account.aws.environment.items():
        monkeypatch.setenv(name, value)
    run = Run(
        arn="arn",
        name="good",
        started=datetime(2026, 11, 20, tzinfo=UTC),
        status="SUCCEEDED",
        state="Succeeded",
        state_input={"outcome": {"model_package_arn": arn}},
    )
    assert approve(run) == arn
    package = account.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert package["ModelApprovalStatus"] == "Approved"
