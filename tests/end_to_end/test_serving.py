"""The serving stack on the embedded AWS, with IAM enforced: approved models only, exchanged and rolled back at work."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from runs import __main__ as runs
from runs import batch_execution
from stacks.container_wheels import WheelsError
from stacks.serving.layer import serving_wheels
from tests.end_to_end.deployed import Deployed, wait_until
from tests.end_to_end.deployment import deployed_stack
from tests.pipeline.artifacts import packed
from tests.prediction.exported_models import write_exported_model
from tests.serving.cloud import model_key, png

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

GROUP = "floorplan-dino"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """Both stacks, and two registered models of which nobody has approved one. The registry is asked for each plan."""
    try:
        serving_wheels()
    except WheelsError as error:
        pytest.skip(str(error))
    scratch = tmp_path_factory.mktemp("serving")
    context = {"default_preset": "tiny", "serving": "true"}
    with deployed_stack(scratch, context=context, wait_scale=0.02, stop_grace=15, enforce_iam=True) as deployed:
        folder = write_exported_model(tmp_path_factory.mktemp("exported"))
        archive = packed({path.name: path.read_bytes() for path in folder.iterdir()})
        deployed.session.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
        for version in (1, 2):
            deployed.put(model_key(version), archive)
            register(deployed, version)
        functions = deployed.session.client("lambda")
        name = deployed.outputs["ServingFunctionName"]
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables["MODEL_CHECK_SECONDS"] = "0"
        sqs = deployed.session.client("sqs")
        queue = sqs.get_queue_attributes(QueueUrl=deployed.outputs["DeadLettersUrl"], AttributeNames=["QueueArn"])
        functions.update_function_configuration(
            FunctionName=name,
            Environment={"Variables": variables},
            DeadLetterConfig={"TargetArn": queue["Attributes"]["QueueArn"]},  # which ministack leaves out of a stack
        )
        yield deployed


def register(deployed: Deployed, version: int) -> None:
    """Add the next version to the group."""
    deployed.session.client("sagemaker").create_model_package(
        ModelPackageGroupName=GROUP,
        InferenceSpecification={
            "Containers": [{"Image": "image", "ModelDataUrl": f"s3://{deployed.bucket}/{model_key(version)}"}],
            "SupportedContentTypes": ["image/png"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    )


def packages(deployed: Deployed) -> list[str]:
    """The ARNs of all versions, oldest first."""
    listed = deployed.session.client("sagemaker").list_model_packages(ModelPackageGroupName=GROUP)
    return [each["ModelPackageArn"] for each in listed["ModelPackageSummaryList"]]


def approve(deployed: Deployed, version: int, status: Any = "Approved") -> None:
    sagemaker = deployed.session.client("sagemaker")
    sagemaker.update_model_package(ModelPackageArn=packages(deployed)[version - 1], ModelApprovalStatus=status)


def invoke(deployed: Deployed, event: dict[str, Any]) -> tuple[Any, bool]:
    """The function's answer, and whether it failed."""
    functions = deployed.session.client("lambda")
    answer = functions.invoke(FunctionName=deployed.outputs["ServingFunctionName"], Payload=json.dumps(event))
    return json.load(answer["Payload"]), "FunctionError" in answer


def answer_about(deployed: Deployed, plan: str) -> dict[str, Any]:
    """What is filed about a plan, once it is."""
    key = f"predictions/{plan}.prediction.json"
    wait_until(lambda: key in deployed.keys("predictions/"))
    answer: dict[str, Any] = json.loads(deployed.object(key))
    return answer


def test_without_an_approved_model_a_plan_is_kept_as_a_dead_letter(serving: Deployed) -> None:
    serving.put("plans/early.png", png())
    error, failed = invoke(serving, {"plan": "plans/early.png"})
    assert (failed, error["errorType"]) == (True, "NoApprovedModel")
    # As EventBridge calls it; ministack's does so once, and keeps nothing.
    serving.session.client("lambda").invoke(
        FunctionName=serving.outputs["ServingFunctionName"],
        InvocationType="Event",
        Payload=json.dumps({"plan": "plans/early.png"}),
    )
    sqs, letters = serving.session.client("sqs"), list[str]()

    def arrived() -> bool:
        received = sqs.receive_message(QueueUrl=serving.outputs["DeadLettersUrl"])
        letters.extend(message["Body"] for message in received.get("Messages", []))
        return bool(letters)

    wait_until(arrived)
    assert "plans/early.png" in letters[0]
    assert serving.keys("predictions/") == []


def test_a_plan_is_answered_by_the_approved_model_which_is_exchanged_and_rolled_back(
    serving: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    approve(serving, 1)
    serving.put("plans/flats/a b.png", png())
    answer = answer_about(serving, "flats/a b.png")
    assert (answer["model"]["version"], answer["model"]["package_arn"]) == (1, packages(serving)[0])
    assert set(serving.keys("predictions/flats/")) == {
        f"predictions/flats/a b.png{suffix}" for suffix in (".svg", ".drawn.png", ".prediction.json")
    }
    approve(serving, 2)
    serving.put("plans/second.png", png())
    assert answer_about(serving, "second.png")["model"]["version"] == 2
    assert runs.main(["approve", "--previous"]) == 0
    assert "The approved model is" in capsys.readouterr().out
    serving.put("plans/third.png", png())
    assert answer_about(serving, "third.png")["model"]["version"] == 1


def test_a_plan_that_cannot_be_served_is_told_so(serving: Deployed) -> None:
    approve(serving, 1)
    serving.put("plans/text.png", b"hello")
    assert answer_about(serving, "text.png")["error"].startswith("plans/text.png is not an image that can be read")


def test_a_posted_plan_is_answered(serving: Deployed) -> None:
    """As the function URL calls the function; ministack has no way to the URL itself."""
    approve(serving, 1)
    event = {
        "requestContext": {"http": {"method": "POST"}},
        "body": base64.b64encode(png()).decode(),
        "isBase64Encoded": True,
    }
    response, failed = invoke(serving, event)
    assert not failed
    assert response["statusCode"] == 200
    assert json.loads(response["body"])["model"]["version"] == 1


@pytest.fixture(scope="module")
def batch_key(serving: Deployed) -> dict[str, str]:
    """Of a user who has the policy of the output BatchCallerPolicyArn and no other: the AWS_* variables."""
    iam = serving.session.client("iam")
    iam.create_user(UserName="batch-caller")
    iam.attach_user_policy(UserName="batch-caller", PolicyArn=serving.outputs["BatchCallerPolicyArn"])
    key = iam.create_access_key(UserName="batch-caller")["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


@pytest.fixture
def batch_caller(batch_key: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes this process that user."""
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    for name, value in batch_key.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(batch_execution, "POLL_SECONDS", 0.2)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.mark.usefixtures("batch_caller")
def test_a_folder_is_predicted_on_once_in_a_map_and_what_fails_leaves_the_rest_alone(
    serving: Deployed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    approve(serving, 1)
    plans, to = tmp_path / "plans", tmp_path / "answers"
    (plans / "flats").mkdir(parents=True)
    for number in range(4):
        (plans / "flats" / f"{number} ü.png").write_bytes(png(100 + number))
    (plans / "same.png").write_bytes(png(100))
    (plans / "text.png").write_bytes(b"hello")
    command = ["predict", str(plans), "--to", str(to), "--yes"]
    assert runs.main(command) == 1
    said = capsys.readouterr()
    assert "Predict on 5 plans, 4 at a time: about 1 minute" in said.out, "the same plan is predicted on once"
    assert f"{plans}/text.png is not an image that can be read" in said.out
    assert f"5 plans have an answer in {to}, 1 has none." in said.out
    for name in ("same.png", "flats/0 ü.png", "flats/3 ü.png"):
        assert json.loads((to / f"{name}.prediction.json").read_text())["model"]["version"] == 1
        assert (to / f"{name}.svg").read_bytes().startswith(b"<svg")
        assert (to / f"{name}.drawn.png").is_file()
    (plans / "text.png").write_bytes(png(200))
    assert runs.main(command) == 0
    said = capsys.readouterr()
    assert "5 plans are answered already by version 1 of the model." in said.out
    assert "Predict on 1 plan, " in said.out
    approve(serving, 2)
    assert runs.main(command) == 0
    assert "Predict on 5 plans, " in capsys.readouterr().out
    approve(serving, 2, "Rejected")


@pytest.mark.usefixtures("batch_caller")
def test_plans_in_the_bucket_are_predicted_on_again_by_the_next_model(
    serving: Deployed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    approve(serving, 1)
    serving.put("plans/tower/low.png", png())
    answer_about(serving, "tower/low.png")
    command = ["predict", f"s3://{serving.bucket}/plans/tower", "--to", str(tmp_path), "--yes"]
    assert runs.main(command) == 0
    assert "Predict on" not in capsys.readouterr().out
    approve(serving, 2)
    assert runs.main(command) == 0
    assert "Predict on 1 plan, " in capsys.readouterr().out
    assert json.loads((tmp_path / "low.png.prediction.json").read_text())["model"]["version"] == 2
    approve(serving, 2, "Rejected")


@pytest.mark.usefixtures("batch_caller")
def test_a_plan_whose_prediction_fails_is_named_with_the_reason(
    serving: Deployed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    serving.put(model_key(3), b"no archive")
    register(serving, 3)
    approve(serving, 3)
    (tmp_path / "plan.png").write_bytes(png(300))
    assert runs.main(["predict", str(tmp_path / "plan.png"), "--to", str(tmp_path / "to"), "--yes"]) == 1
    approve(serving, 3, "Rejected")
    said = capsys.readouterr().out
    assert f"{tmp_path}/plan.png has no answer (NoApprovedModel: The approved model " in said
