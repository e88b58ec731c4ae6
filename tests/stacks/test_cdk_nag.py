"""cdk-nag's AwsSolutions rules find nothing that is not acknowledged with its reason, and would find what is new."""

import json
from pathlib import Path

import aws_cdk as cdk
import cdk_nag
import pytest
from aws_cdk import aws_iam as iam

from app import PIPELINE
from tests.stacks.conftest import app_of
from tests.stacks.test_customer_key import KEY

HERE = cdk.Environment(account="123456789012", region="us-east-1")


def findings(folder: Path, *, env: cdk.Environment, context: dict[str, str], wider: bool = False) -> set[str]:
    """The rules that cdk-nag finds broken; `wider`: with a role that may do more than any of ours."""
    wheels, out = folder / "wheels", folder / "cdk.out"
    wheels.mkdir()
    app = app_of(out, wheels, env, **context)
    if wider:
        stack = app.node.find_child(PIPELINE)
        assert isinstance(stack, cdk.Stack)
        role = iam.Role(stack, "Wider", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        role.add_to_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=["arn:aws:s3:::wider/*"]))
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    try:
        app.synth()
    except RuntimeError as error:
        assert "ValidationFailed" in str(error), error
        reports = json.loads((out / "validation-report.json").read_text())["pluginReports"]
        return {violation["ruleName"] for report in reports for violation in report["violations"]}
    return set()


@pytest.mark.parametrize("env", [HERE, cdk.Environment()], ids=["region known", "region not known"])
@pytest.mark.parametrize(
    "context", [{}, {"kms_key_arn": KEY, "start_on_new_manifest": "true", "serving": "true"}], ids=["plain", "all"]
)
def test_nothing_is_found_that_is_not_acknowledged(
    tmp_path: Path, env: cdk.Environment, context: dict[str, str]
) -> None:
    assert findings(tmp_path, env=env, context=context) == set()


def test_a_new_wildcard_would_be_found(tmp_path: Path) -> None:
    assert findings(tmp_path, env=HERE, context={}, wider=True) == {"AwsSolutions-IAM5[Resource::arn:aws:s3:::wider/*]"}
