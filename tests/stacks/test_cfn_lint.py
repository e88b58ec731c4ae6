"""cfn-lint finds nothing in the template, with the repository's own settings."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.stacks.conftest import ROOT, synthesised
from tests.stacks.test_customer_key import KEY


def lint(template: Path) -> str:
    """What cfn-lint says of it; it finds its settings in the folder that it is started in."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "us-east-1", "--template", str(template)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


@pytest.mark.parametrize(
    "context", [{}, {"kms_key_arn": KEY, "start_on_new_manifest": "true", "serving": "true"}], ids=["plain", "all"]
)
def test_the_templates_are_clean(tmp_path: Path, context: dict[str, str]) -> None:
    (tmp_path / "wheels").mkdir()
    assembly = synthesised(tmp_path / "cdk.out", tmp_path / "wheels", **context)
    for template in assembly.glob("*.template.json"):
        assert lint(template) == ""


def test_a_mistake_would_be_found(tmp_path: Path, template: dict[str, Any]) -> None:
    wrong = json.loads(json.dumps(template))
    (topic,) = [each for each in wrong["Resources"].values() if each["Type"] == "AWS::SNS::Topic"]
    topic["Properties"]["KmsMasterKey"] = "x"
    path = tmp_path / "wrong.template.json"
    path.write_text(json.dumps(wrong))
    assert "KmsMasterKey" in lint(path)
