"""Draws the state machine, as it is deployed, into docs/architecture.md.

python -m stacks.state_diagram
"""

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from stacks.configuration import Configuration
from stacks.floorplan_dino_stack import FloorplanDinoStack
from stacks.staging import ROOT

PAGE = ROOT / "docs" / "architecture.md"
BEGIN = "<!-- The state machine, drawn by `python -m stacks.state_diagram`: -->\n"
END = "<!-- The end of what it draws. -->\n"

State = Mapping[str, Any]


def diagram(definition: Mapping[str, Any]) -> str:
    """The definition (Amazon States Language) as a Mermaid flow chart in a code block of Markdown.

    What a Catch leads to is drawn only where it is not RunFailed, to which all others lead.
    """
    lines = ["```mermaid", "flowchart TD"]
    for name, state in definition["States"].items():
        lines.append(f"  {name}{_shape(name, state)}")
        lines += [f"  {name} {arrow} {target}" for arrow, target in _arrows(state)]
    return "\n".join([*lines, "```", ""])


def definition_of(template: Mapping[str, Any]) -> dict[str, Any]:
    """The state machine's definition in the stack's template; what only the deployment knows is left out."""
    (machine,) = (
        resource
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::StepFunctions::StateMachine"
    )
    _, parts = machine["Properties"]["DefinitionString"]["Fn::Join"]
    definition: dict[str, Any] = json.loads("".join(part for part in parts if isinstance(part, str)))
    return definition


def redrawn(page: str, drawing: str) -> str:
    """`page` with `drawing` between its two marks."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + drawing + END + rest.split(END)[1]


def _shape(name: str, state: State) -> str:
    """Steps are boxes, choices diamonds, all others rounded."""
    if state["Type"] == "Choice":
        return f"{{{name}}}"
    if state["Type"] == "Task":
        return f"[{name}]"
    if state["Type"] == "Map":
        return f'[["{name}: {state["ItemProcessor"]["StartAt"]} for each batch"]]'
    return f"([{name}])"


def _arrows(state: State) -> Iterator[tuple[str, str]]:
    for choice in state.get("Choices", []):
        wanted = choice.get("StringEquals", choice.get("BooleanEquals"))
        yield f'-->|"{json.dumps(wanted) if isinstance(wanted, bool) else wanted}"|', choice["Next"]
    if "Default" in state:
        yield '-->|"otherwise"|', state["Default"]
    if "Next" in state:
        yield "-->", state["Next"]
    for catch in state.get("Catch", []):
        if catch["Next"] != "RunFailed":
            yield f'-->|"{", ".join(catch["ErrorEquals"])}"|', catch["Next"]


def synthesised(env: cdk.Environment) -> dict[str, Any]:
    """The template with cdk.json's configuration, with an empty file for the container's wheels."""
    with tempfile.TemporaryDirectory() as scratch:
        wheels = Path(scratch) / "wheels"
        wheels.mkdir()
        (wheels / "none-0-py3-none-any.whl").touch()
        app = cdk.App(context=json.loads((ROOT / "cdk.json").read_text())["context"], outdir=f"{scratch}/cdk.out")
        configuration = Configuration.from_context(app.node.try_get_context)
        stack = FloorplanDinoStack(app, "FloorplanDino", configuration=configuration, wheels=wheels, env=env)
        app.synth()
        template: dict[str, Any] = json.loads((Path(scratch) / "cdk.out" / stack.template_file).read_text())
    return template


if __name__ == "__main__":
    PAGE.write_text(redrawn(PAGE.read_text(), diagram(definition_of(synthesised(cdk.Environment())))))
