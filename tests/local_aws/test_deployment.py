"""The CDK's command line deploys an app to the embedded AWS; a small cloud assembly stands for the project's app."""

from __future__ import annotations

from pathlib import Path

import pytest

from local_aws import deployment
from local_aws.deployment import DeploymentError, deploy
from tests.local_aws.conftest import SECONDS, Account, is_running

pytestmark = pytest.mark.skipif(not deployment.CDK.exists(), reason="needs node_modules: run `make setup`")

# What a CDK app leaves behind, without the seconds that synthesis takes: one stack with a bucket.
APP = """
import json, os, pathlib
out = pathlib.Path(os.environ["CDK_OUTDIR"])
out.mkdir(parents=True, exist_ok=True)
context = json.loads(os.environ["CDK_CONTEXT_JSON"])
template = {
    "Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}},
    "Outputs": {
        "BucketName": {"Value": {"Ref": "Bucket"}},
        "Preset": {"Value": context["default_preset"]},
        "Account": {"Value": os.environ["CDK_DEFAULT_ACCOUNT"]},
    },
}
(out / "Small.template.json").write_text(json.dumps(template))
stack = {
    "type": "aws:cloudformation:stack",
    "environment": "aws://000000000000/us-east-1",
    "properties": {"templateFile": "Small.template.json"},
}
(out / "manifest.json").write_text(json.dumps({"version": "38.0.0", "artifacts": {"Small": stack}}))
"""


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app.py that takes the place of the project's."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "cdk.json").write_text('{"context": {"default_preset": "test"}}')
    (folder / "app.py").write_text(APP)
    monkeypatch.setattr(deployment, "ROOT", folder)
    return folder / "app.py"


def test_deploy_returns_the_outputs_and_touches_nothing_else(
    account: Account, app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-the-person")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    lines: list[str] = []
    outputs = deploy(
        account.aws.environment,
        context={"default_preset": "tiny"},
        output_dir=tmp_path / "deployment",
        on_line=lines.append,
    )
    assert outputs["Preset"] == "tiny"
    assert outputs["Account"] == "000000000000"
    account.client("s3").head_bucket(Bucket=outputs["BucketName"])
    assert any("Small" in line for line in lines)
    assert all(line and "\x1b" not in line for line in lines)
    assert sorted(path.name for path in app.parent.iterdir()) == ["app.py", "cdk.json"]
    assert not (tmp_path / "home").exists()


def test_a_deployment_that_fails_says_why(account: Account, app: Path, tmp_path: Path) -> None:
    app.write_text("import sys; sys.exit('the preset huge does not exist')")
    with pytest.raises(DeploymentError, match=r"(?s)`cdk deploy` failed with exit code 1.*the preset huge") as caught:
        deploy(account.aws.environment, context={}, output_dir=tmp_path / "deployment", on_line=lambda _: None)
    assert "Traceback" not in str(caught.value)


def test_without_aws_it_says_so(app: Path, tmp_path: Path, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    nobody = account.aws.environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    with pytest.raises(DeploymentError, match="which account to deploy to"):
        deploy(nobody, context={}, output_dir=tmp_path / "deployment", on_line=lambda _: None)


def test_a_deployment_ends_with_who_asked_for_it(account: Account, app: Path, tmp_path: Path) -> None:
    app.write_text(f"import os, time; print('pid', os.getpid(), flush=True); time.sleep({10 * SECONDS})")
    pids: list[int] = []

    def interrupt(line: str) -> None:
        if line.startswith("pid "):
            pids.append(int(line.split()[1]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deploy(account.aws.environment, context={}, output_dir=tmp_path / "deployment", on_line=interrupt)
    assert pids
    assert not is_running(pids[0])
