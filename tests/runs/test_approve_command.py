"""`python -m runs approve`: the registry is told, and one can go back."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from runs import __main__ as command
from tests.runs.cloud_in_memory import Cloud, Execution
from tests.runs.example_runs import PACKAGE


def test_approving_tells_the_registry_by_the_packages_arn(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK looks the package up again by its name, which must then be its ARN."""
    told: list[dict[str, str]] = []

    def package(**names: str) -> SimpleNamespace:
        return SimpleNamespace(update=lambda **change: told.append(names | change))

    sdk = ModuleType("sagemaker.core.resources")
    sdk.__dict__["ModelPackage"] = package
    for name in ("sagemaker", "sagemaker.core"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "sagemaker.core.resources", sdk)
    assert command.main(["approve", "good"]) == 0
    assert told == [{"model_package_name": PACKAGE, "model_package_arn": PACKAGE, "model_approval_status": "Approved"}]


def test_without_the_sdk_approving_says_how_to_get_it(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in {"sagemaker", *(name for name in sys.modules if name.startswith("sagemaker."))}:
        monkeypatch.setitem(sys.modules, name, None)  # what import finds of a package that is not there
    assert command.main(["approve", "good"]) == 1
    said = capsys.readouterr().err
    assert "pip install '.[workstation]'" in said
    assert f"aws sagemaker update-model-package --model-package-arn {PACKAGE}" in said


def test_approving_a_model_older_than_the_approved_one_says_which_counts(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    newer = f"{PACKAGE}7"
    cloud.approvals = {PACKAGE: "Approved", newer: "Approved"}
    monkeypatch.setattr(command, "approve", lambda _run: PACKAGE)
    assert command.main(["approve", "good"]) == 0
    assert f"{newer} is newer and approved, too" in capsys.readouterr().out.replace("\n", " ")


def test_going_back_rejects_the_newest_approved_model(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """A newer one that nobody has approved does not count."""
    first, second, pending = (f"{PACKAGE}{number}" for number in (1, 2, 3))
    cloud.approvals = {first: "Approved", second: "Approved", pending: "PendingManualApproval"}
    assert command.main(["approve", "--previous"]) == 0
    assert cloud.approvals == {first: "Approved", second: "Rejected", pending: "PendingManualApproval"}
    assert f"Rejected {second}. The approved model is {first} again" in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.parametrize(
    ("approvals", "said"),
    [({}, "No model is approved"), ({PACKAGE: "Approved"}, "is the only approved model")],
    ids=["none", "one"],
)
def test_without_a_model_to_go_back_to_nothing_is_rejected(
    approvals: dict[str, str], said: str, cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.approvals = dict(approvals)
    assert command.main(["approve", "--previous"]) == 1
    assert said in capsys.readouterr().err
    assert cloud.approvals == approvals


def test_going_back_names_no_run() -> None:
    with pytest.raises(SystemExit):
        command.main(["approve", "good", "--previous"])


def test_a_run_that_registered_nothing_cannot_be_approved(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["approve", "bad"]) == 1
    assert capsys.readouterr().err == "The run bad registered no model: it is FAILED, TrainingFailed.\n"


def test_why_a_run_registered_nothing_is_said_with_its_figures(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = "The gate is not met: The F1 of room is 0.8, below 0.895."
    outcome = {"decision": "gate_not_met", "sentence": sentence, "model_package_arn": None}
    cloud.executions = [Execution("short", [("Succeeded", {"outcome": outcome})])]
    assert command.main(["approve"]) == 1
    assert capsys.readouterr().err.replace("\n", " ").strip() == f"The run short registered no model: {sentence}"
