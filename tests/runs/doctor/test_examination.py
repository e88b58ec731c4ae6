"""`python -m runs doctor`: what each check says of a sound account, of one with a fault, and of one that is silent."""

import signal
import threading
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from checkout.version import DEPLOYED, code_version
from runs import __main__ as command
from runs.doctor.examination import FIRST, THEN, examine
from runs.doctor.result import Rating, Result
from tests.runs.cloud_in_memory import refusal
from tests.runs.doctor.sound_account import KEYS, LIST, OPERATION_OF, ROLE, WEIGHTS, SoundAccount, decisions

Change = Callable[[SoundAccount], object]


def examined(account: Any, seconds: float = 10) -> dict[str, Result]:
    return {result.subject: result for result in examine(account, "FloorplanDino", seconds=seconds)}


def test_in_a_sound_account_all_is_good() -> None:
    account = SoundAccount()
    account.statuses["FloorplanDino-Serving"] = "CREATE_COMPLETE"
    results = examined(account)
    assert list(results) == [check.subject for check in (*FIRST, *THEN)]
    assert {subject: result.rating for subject, result in results.items()} == dict.fromkeys(results, Rating.GOOD)
    assert all(result.remedy == "" for result in results.values())
    assert results["quotas"].text == "ml.g5.2xlarge: 1 on spot, 1 on demand"
    assert results["prices"].text == "ml.g5.2xlarge: 1.515 USD an hour on demand"
    assert results["weights"].text == f"s3://bucket/{WEIGHTS}"
    assert results["functions"].text == "10 at a time; the largest has 1,769 MB"


def test_nothing_is_said_of_a_serving_stack_that_is_not_deployed() -> None:
    assert "serving" not in examined(SoundAccount())


def answering(name: str, answer: Any) -> Change:
    return lambda account: account.answers.update({name: answer})


def with_quotas(spot: float, on_demand: float) -> Change:
    return lambda account: account.quotas.update({"spot ": spot, "": on_demand})


def in_state(status: str) -> Change:
    return lambda account: account.statuses.update(FloorplanDino=status)


def without(*keys: str) -> Change:
    return lambda account: [account.objects.pop(key) for key in keys]


def with_object(key: str) -> Change:
    return lambda account: account.objects.update({key: b"x"})


def with_outputs(**outputs: str) -> Change:
    return lambda account: account.outputs.update(outputs)


def subscribed(confirmed: int, pending: int) -> Change:
    counts = {"SubscriptionsConfirmed": str(confirmed), "SubscriptionsPending": str(pending)}
    return answering("sns.get_topic_attributes", {"Attributes": counts})


def image_failing(code: str) -> Change:
    return answering("ecr.batch_get_image", {"images": [], "failures": [{"failureCode": code}]})


def with_memory(megabytes: int) -> Change:
    return lambda account: account.template()["Resources"]["Launch"]["Properties"].update(MemorySize=megabytes)


def with_variable(function: str, **variables: str) -> Change:
    def change(account: SoundAccount) -> None:
        properties = account.template()["Resources"][function]["Properties"]
        properties["Environment"]["Variables"].update(variables)

    return change


def serving_in(status: str) -> Change:
    return lambda account: account.statuses.update({"FloorplanDino-Serving": status})


NO_REPOSITORY = refusal("RepositoryNotFoundException", "There is none.", "BatchGetImage")
D, B, G = Rating.DOUBTFUL, Rating.BAD, Rating.GOOD


@pytest.mark.parametrize(
    ("subject", "change", "rating", "words"),
    [
        ("credentials", answering("sts.get_caller_identity", NoCredentialsError()), B, "aws configure"),
        ("credentials", answering("sts.get_caller_identity", refusal("ExpiredToken", "", "G")), B, "have expired"),
        ("stack", lambda account: account.statuses.clear(), B, "There is no stack FloorplanDino in us-east-1"),
        (
            "stack",
            in_state("ROLLBACK_COMPLETE"),
            B,
            "`cdk destroy FloorplanDino`, and `cdk deploy FloorplanDino` again",
        ),
        ("stack", in_state("CREATE_IN_PROGRESS"), B, "FloorplanDino is CREATE_IN_PROGRESS. Wait for its end."),
        ("stack", in_state("DELETE_IN_PROGRESS"), B, "Wait for its end."),
        ("stack", in_state("UPDATE_ROLLBACK_FAILED"), B, "`cdk rollback FloorplanDino`, and `cdk deploy"),
        ("stack", in_state("UPDATE_ROLLBACK_COMPLETE"), D, "the last deployment, which failed"),
        ("stack", in_state("UPDATE_IN_PROGRESS"), D, "Wait for its end."),
        ("version", with_outputs(CodeVersion="0123456789ab"), D, "0123456789ab, this checkout's is"),
        ("version", lambda account: account.outputs.pop("CodeVersion"), D, "`cdk deploy`"),
        ("quotas", with_quotas(0, 0), B, '"ml.g5.2xlarge for spot training job usage" at https://us-east-1.'),
        ("quotas", with_quotas(0, 2), B, "`python -m runs start --set spot=false`"),
        ("quotas", with_quotas(2, 0), D, '"ml.g5.2xlarge for training job usage"'),
        ("quotas", lambda account: account.quotas.clear(), D, "lists no quota of ml.g5.2xlarge in us-east-1"),
        ("prices", answering("pricing.get_products", {"PriceList": []}), D, "quotes go by a dated table"),
        ("image", image_failing("ImageNotFound"), B, "There is no image 763104351884.dkr.ecr"),
        ("image", answering("ecr.batch_get_image", NO_REPOSITORY), B, "There is no repository pytorch"),
        ("image", image_failing("KmsError"), D, "(KmsError)"),
        ("image", with_variable("Launch", TRAINING_IMAGE="mine"), B, "mine is not an image of ECR"),
        ("weights", without(WEIGHTS), D, "aws s3 cp resnet50-0676ba61.pth s3://bucket/pretrained/"),
        ("weights", with_object("pretrained/other.pth"), B, "several files of weights"),
        ("weights", with_variable("Resolve", PRESET="tiny"), G, "the preset tiny learns from scratch"),
        ("data set", without("dino-data/manifest.json"), B, "There is no manifest.json at s3://bucket/dino-data/"),
        ("data set", without("dino-data/val/annotations.json"), B, "val/annotations.json is not there"),
        ("data set", with_object("dino-data/train/annotations.json"), B, "has 1 bytes, but manifest.json says 2"),
        ("data set", with_object("dino-data/notes.txt"), D, "notes.txt"),
        (
            "permissions",
            answering("iam.simulate_principal_policy", lambda **asked: {"EvaluationResults": decisions(asked, "no")}),
            B,
            "The role FloorplanDino-Launch may not s3:ListBucket on arn:aws:s3:::bucket",
        ),
        ("functions", with_memory(4096), D, "ask AWS Support"),
        (
            "functions",
            answering("lambda.get_account_settings", {"AccountLimit": {"UnreservedConcurrentExecutions": 5}}),
            D,
            '"Concurrent executions"',
        ),
        ("functions", with_variable("Resolve", PRESET="test"), G, "1,769 MB"),
        ("messages", subscribed(0, 0), D, "aws sns subscribe --topic-arn arn:aws:sns"),
        ("messages", subscribed(0, 1), D, "Open the link in the mail"),
        ("messages", subscribed(2, 1), G, "2 confirmed subscriptions, 1 not confirmed"),
        ("messages", lambda account: account.outputs.pop("TopicArn"), B, "has no output TopicArn: deploy it again"),
        ("serving", serving_in("DELETE_FAILED"), D, "`cdk destroy FloorplanDino-Serving -c serving=true`, and"),
        ("serving", serving_in("CREATE_IN_PROGRESS"), D, "Wait for its end."),
    ],
)
def test_a_fault_is_told_with_what_to_do(subject: str, change: Change, rating: Rating, words: str) -> None:
    account = SoundAccount()
    change(account)
    result = examined(account)[subject]
    assert result.rating == rating
    assert words in f"{result.text} {result.remedy}"


@pytest.mark.parametrize(
    ("check", "action"),
    [(check, action) for check in THEN for action in check.needs if action != "cloudformation:DescribeStacks"],
    ids=lambda value: value if isinstance(value, str) else value.subject,
)
def test_what_may_not_be_looked_at_is_told_and_the_rest_goes_on(check: Any, action: str) -> None:
    account = SoundAccount()
    operation = OPERATION_OF[action].split(".")[1].title().replace("_", "")
    account.answers[OPERATION_OF[action]] = refusal("AccessDenied", "Access Denied", operation)
    results = examined(account)
    assert results[check.subject].rating is Rating.NOT_LOOKED_AT
    assert results[check.subject].text.startswith("not looked at: needs ")
    assert action in results[check.subject].text
    assert results["version"].rating is Rating.GOOD
    assert len(results) == len(FIRST) + len(THEN) - 1


def test_the_permission_that_aws_names_is_the_one_that_is_told() -> None:
    account = SoundAccount()
    said = "User: arn:aws:iam::1:user/me is not authorized to perform: s3:ListBucket on resource: x"
    account.answers[LIST] = refusal("AccessDenied", said, "ListObjectsV2")
    assert examined(account)["data set"].text == "not looked at: needs s3:ListBucket"


def test_without_sight_of_the_stack_there_is_nothing_more_to_say() -> None:
    account = SoundAccount()
    account.answers["cloudformation.describe_stacks"] = refusal("AccessDenied", "no", "DescribeStacks")
    results = examined(account)
    assert list(results) == ["credentials", "stack"]
    assert results["stack"].rating is Rating.BAD
    assert "needs cloudformation:DescribeStacks" in results["stack"].text


def test_a_service_out_of_reach_is_told_and_the_rest_goes_on() -> None:
    account = SoundAccount()
    account.answers["sns.get_topic_attributes"] = EndpointConnectionError(endpoint_url="https://sns")
    results = examined(account)
    assert results["messages"].rating is Rating.NOT_LOOKED_AT
    assert "could not be reached" in results["messages"].text
    assert results["permissions"].rating is Rating.GOOD


def test_silent_services_cost_no_more_than_the_limit_together() -> None:
    account, silence = SoundAccount(), threading.Event()
    try:
        for name in ("sns.get_topic_attributes", "iam.simulate_principal_policy", "pricing.get_products"):
            account.answers[name] = lambda **_: silence.wait(60)
        results = examined(account, seconds=0.5)
        for subject in ("messages", "permissions", "prices"):
            assert results[subject].text == "not looked at: no answer within 0.5 seconds."
        assert results["functions"].rating is Rating.GOOD
    finally:
        silence.set()


def test_a_mistake_in_a_check_is_not_taken_for_a_finding() -> None:
    account = SoundAccount()
    account.answers["lambda.get_account_settings"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        examined(account)


def test_roles_are_simulated_as_their_policies_name_actions_resources_and_conditions() -> None:
    account = SoundAccount()
    examined(account)
    asked = [call for name, call in account.calls if name == "iam.simulate_principal_policy"]
    # But not what AWS's own registry has to allow.
    listing, key = sorted(asked, key=lambda call: str(call["ActionNames"]), reverse=True)
    assert listing == {
        "PolicySourceArn": ROLE,
        "ActionNames": ["s3:ListBucket"],
        "ResourceArns": ["arn:aws:s3:::bucket"],
        "ContextEntries": [
            {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": ["us-east-1"], "ContextKeyType": "string"},
            {"ContextKeyName": "s3:prefix", "ContextKeyValues": ["locks/x"], "ContextKeyType": "string"},
        ],
    }
    assert (key["ActionNames"], key["ResourceArns"]) == (["kms:Decrypt", "kms:GenerateDataKey"], KEYS)


def test_actions_that_iam_does_not_simulate_together_are_simulated_apart() -> None:
    account = SoundAccount()

    def one_at_a_time(**asked: Any) -> dict[str, Any]:
        if len(asked["ActionNames"]) > 1:
            raise refusal("InvalidInput", "require different authorization information", "SimulatePrincipalPolicy")
        decision = "allowed" if asked["ActionNames"] == ["s3:ListBucket"] else "implicitDeny"
        return {"EvaluationResults": decisions(asked, decision)}

    account.answers["iam.simulate_principal_policy"] = one_at_a_time
    assert f"kms:Decrypt on {KEYS[0]}" in examined(account)["permissions"].text


def test_the_command_shows_each_line_and_fails_with_a_bad_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account = SoundAccount()
    account.statuses["FloorplanDino"] = "UPDATE_ROLLBACK_COMPLETE"
    monkeypatch.setattr(boto3, "Session", lambda: account)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("COLUMNS", "80")
    account.objects["pretrained/\x1b[31m.pth"] = b"x"
    assert command.main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "doubtful  stack        FloorplanDino is as it was before the last deployment" in shown
    assert shown.splitlines()[-1] == "A run can start; see first what is doubtful."
    account.quotas.clear()
    account.quotas.update({"spot ": 0.0, "": 0.0})
    assert command.main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert "bad       quotas       ml.g5.2xlarge: 0 on spot, 0 on demand: runs on spot, the" in shown
    assert all(len(line) <= 80 for line in shown.splitlines() if "://" not in line)
    assert "\x1b" not in shown
    assert shown.splitlines()[-1] == "A run would fail: see what is bad."


def test_the_version_follows_each_file_that_is_deployed_and_no_other(tmp_path: Any) -> None:
    for name in DEPLOYED:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        if "." in name:
            path.write_text("x")
        else:
            (path / "deep").mkdir(parents=True)
            (path / "deep" / "code.py").write_text("x")
    before = code_version(tmp_path)
    for left_out in ("lambda/__pycache__/code.pyc", "lambda/.cache/x.py", "lambda/README.md", "tests/x.py"):
        (tmp_path / left_out).parent.mkdir(exist_ok=True)
        (tmp_path / left_out).write_text("x")
    assert code_version(tmp_path) == before
    (tmp_path / "lambda" / "deep" / "code.py").rename(tmp_path / "lambda" / "deep" / "other.py")
    renamed = code_version(tmp_path)
    assert renamed != before
    (tmp_path / "cdk.json").write_text("y")
    assert code_version(tmp_path) not in (before, renamed)
