"""One synthesis for all tests of the stack: it takes seconds, and nothing changes its result."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from stacks.configuration import Configuration
from stacks.floorplan_dino_stack import FloorplanDinoStack
from stacks.template_text import readable

ROOT = Path(__file__).resolve().parents[2]


def synthesised(out: Path, wheels: Path, **context: str) -> Path:
    """The cloud assembly of the stack in us-east-1 with cdk.json's configuration and this."""
    (wheels / "some-1.0-py3-none-any.whl").write_bytes(b"a wheel")
    app = cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"] | context, outdir=str(out))
    FloorplanDinoStack(
        app,
        "FloorplanDino",
        configuration=Configuration.from_context(app.node.try_get_context),
        wheels=wheels,
        env=cdk.Environment(account="123456789012", region="us-east-1"),
    )
    app.synth()
    return out


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
def definition(resources: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The state machine's definition; what only the deployment knows is written as <LogicalId.Attribute>."""
    (machine,) = resources["AWS::StepFunctions::StateMachine"]
    content: dict[str, Any] = json.loads(readable(machine["Properties"]["DefinitionString"]))
    return content
