"""The serving stack on the embedded AWS, with IAM enforced: approved models only, exchanged and rolled back at work."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from runs import __main__ as runs
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
        sagemaker = deployed.session.client("sagemaker")
        sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
        for version in (1, 2):
            deployed.put(model_key(version), archive)
            model = f"s3://{deployed.bucket}/{model_key(version)}"
            sagemaker.create_model_package(
                ModelPackageGroupName=GROUP,
                InferenceSpecification={
                    "Containers": [{"Image": "image", "ModelDataUrl": model}],
                    "SupportedContentTypes": ["image/png"],
                    "SupportedResponseMIMETypes": ["application/json"],
                },
            )
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
