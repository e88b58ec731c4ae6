"""The serving stack's template, for all tests of the folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stacks.template_text import readable
from tests.stacks.conftest import resources_of


@pytest.fixture(scope="session")
def template(with_serving: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((with_serving / "FloorplanDino-Serving.template.json").read_text())
    return content


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return resources_of(template)


@pytest.fixture(scope="session")
def batches(resources: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The definition of the state machine of batches; what only the deployment knows is <LogicalId.Attribute>."""
    (machine,) = resources["AWS::StepFunctions::StateMachine"]
    definition: dict[str, Any] = json.loads(readable(machine["Properties"]["DefinitionString"]))
    return definition
