"""app.py as the CDK's command line runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import aws_cdk as cdk
import pytest

import app
from stacks.configuration import Configuration, ConfigurationError
from stacks.container_wheels import WheelsError, ensure_wheels
from stacks.training_image import training_image

ROOT = Path(__file__).resolve().parents[2]
CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"]


@pytest.mark.faults
def test_it_synthesises_without_credentials_for_whatever_region(tmp_path: Path) -> None:
    """As `cdk synth` runs it, in an environment without credentials, profile or region."""
    try:
        ensure_wheels()
    except WheelsError as error:
        pytest.skip(str(error))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CDK_"))}
    environment = kept | {
        "HOME": str(tmp_path),
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_OUTDIR": str(tmp_path / "cdk.out"),
        "CDK_CONTEXT_JSON": json.dumps(CONTEXT),
        "CDK_VALIDATION": "false",  # which takes ten seconds; test_cdk_nag.py validates the stack without a region
    }
    command = [sys.executable, "app.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    template = json.loads((tmp_path / "cdk.out" / "FloorplanDino.template.json").read_text())
    assert template["Mappings"]["DlcRepositoryAccountMap"]["us-east-1"] == {"value": "763104351884"}


def test_a_wrong_configuration_ends_with_one_sentence() -> None:
    """Here: none at all, as when app.py runs without the CDK's command line, which reads cdk.json."""
    with pytest.raises(SystemExit, match=r"^The context value image_repository is not given; set it in cdk\.json"):
        app.main()


def test_the_image_comes_from_the_regions_own_registry() -> None:
    stack = cdk.Stack(cdk.App(), "S", env=cdk.Environment(account="123456789012", region="eu-south-1"))
    image = training_image(stack, Configuration.from_context(CONTEXT.get))
    assert image.uri.startswith("692866216735.dkr.ecr.eu-south-1.")
    assert image.uri.endswith("/pytorch:2.13-cu133-amzn2023-sagemaker")


def test_a_region_without_deep_learning_containers_is_refused() -> None:
    stack = cdk.Stack(cdk.App(), "S", env=cdk.Environment(account="123456789012", region="xx-nowhere-1"))
    with pytest.raises(ConfigurationError, match="no Deep Learning Containers in xx-nowhere-1"):
        training_image(stack, Configuration.from_context(CONTEXT.get))
