"""The architecture page shows the state machine that is deployed."""

from typing import Any

from stacks.state_diagram import PAGE, definition_of, diagram, redrawn


def test_the_pages_diagram_is_that_of_the_state_machine(template: dict[str, Any]) -> None:
    page = PAGE.read_text()
    drawn = redrawn(page, diagram(definition_of(template)))
    assert page == drawn, "run `python -m stacks.state_diagram`"


def test_every_state_and_every_way_is_drawn() -> None:
    end = {"Type": "Pass", "Next": "Finalise"}
    drawing = diagram(
        {
            "States": {
                "Check": {
                    "Type": "Task",
                    "Next": "IsGood",
                    "Catch": [
                        {"ErrorEquals": ["Busy"], "Next": "Bad"},
                        {"ErrorEquals": ["States.ALL"], "Next": "RunFailed"},
                    ],
                },
                "IsGood": {
                    "Type": "Choice",
                    "Choices": [{"BooleanEquals": True, "Next": "Good"}, {"StringEquals": "odd", "Next": "Check"}],
                    "Default": "Bad",
                },
                "Good": end,
                "Bad": end,
                "Finalise": {"Type": "Task", "Next": "Done"},
                "Done": {"Type": "Succeed"},
            }
        }
    )
    assert drawing.splitlines() == [
        "```mermaid",
        "flowchart TD",
        "  Check[Check]",
        "  Check --> IsGood",
        '  Check -->|"Busy"| Bad',
        "  IsGood{IsGood}",
        '  IsGood -->|"true"| Good',
        '  IsGood -->|"odd"| Check',
        '  IsGood -->|"otherwise"| Bad',
        "  Good([Good])",
        "  Good --> Finalise",
        "  Bad([Bad])",
        "  Bad --> Finalise",
        "  Finalise[Finalise]",
        "  Finalise --> Done",
        "  Done([Done])",
        "```",
    ]
