"""One synthesis for all tests of the stack: it takes seconds, and nothing changes its result."""

import json
import zipfile
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from app import add_stacks
from stacks.configuration import Configuration
from stacks.template_text import readable

ROOT = Path(__file__).resolve().parents[2]
HERE = cdk.Environment(account="123456789012", region="us-east-1")


def synthesised(out: Path, wheels: Path, **context: str) -> Path:
    """The cloud assembly in us-east-1 of the stacks that cdk.json's configuration and this ask for."""
    app_of(out, wheels, HERE, **context).synth()
    return out


def app_of(out: Path, wheels: Path, env: cdk.Environment, **context: str) -> cdk.App:
    """The app; a wheel with one module stands for the packages of each stack."""
    with zipfile.ZipFile(wheels / "some-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(zipfile.ZipInfo("some/__init__.py"), "")  # without the time, so that assets are equal
    app = cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"] | context, outdir=str(out))
    configuration = Configuration.from_context(app.node.try_get_context)
    add_stacks(app, configuration, env, wheels=lambda: wheels, layer_wheels=lambda: wheels)
    return app


def resources_of(template: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The resources' properties and policies, by type."""
    found: dict[str, list[dict[str, Any]]] = {}
    for logical_id, resource in template["Resources"].items():
        found.setdefault(resource["Type"], []).append(resource | {"LogicalId": logical_id})
    return found


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the repository configures it."""
    return synthesised(tmp_path_factory.mktemp("cdk.out"), tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="session")
def template(assembly: Path) -> dict[str, Any]:
    """The CloudFormation template."""
    content: dict[str, Any] = json.loads((assembly / "FloorplanDino.template.json").read_text())
    return content


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The resources' properties and policies, by type."""
    return resources_of(template)


@pytest.fixture(scope="session")
def with_serving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The assembly of both stacks."""
    return synthesised(tmp_path_factory.mktemp("cdk.out"), tmp_path_factory.mktemp("wheels"), serving="true")


@pytest.fixture(scope="session")
def definition(resources: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The state machine's definition; what only the deployment knows is written as <LogicalId.Attribute>."""
    (machine,) = resources["AWS::StepFunctions::StateMachine"]
    content: dict[str, Any] = json.loads(readable(machine["Properties"]["DefinitionString"]))
    return content
