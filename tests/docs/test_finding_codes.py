"""The page of finding codes is what the code says, and no code is missing from it."""

import ast
import re

from docs import finding_codes
from tests.contract.test_planted_coco_defects import DEFECTS
from training_code.job.failures import TrainingError


def codes() -> set[str]:
    return set(re.findall(r"^\| `([A-Z0-9_]+)` \|", finding_codes.PAGE.read_text(), re.MULTILINE))


def test_the_page_is_written_by_the_command() -> None:
    assert finding_codes.PAGE.read_text() == finding_codes.page(), "python docs/finding_codes.py writes it"


def test_every_constant_that_looks_like_a_code_is_on_the_page() -> None:
    texts = {
        node.value
        for package in finding_codes.PACKAGES
        for path in (finding_codes.ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {text for text in texts if re.fullmatch("[A-Z]+(_[A-Z0-9]+)+", text)} <= codes()


def test_every_code_that_a_planted_defect_has_is_on_the_page() -> None:
    assert {code for _, code, *_ in DEFECTS.values()} <= codes()


def test_every_failure_code_is_on_the_page() -> None:
    assert {error.code for error in TrainingError.__subclasses__()} <= codes()


def test_a_finding_has_its_severity_message_and_remedy() -> None:
    assert (
        "| `BOX_EMPTY` | error | Annotation {annotation id} on image {image id} has a box without area: "
        "[{x}, {y}, {width}, {height}]. | Correct its size, or remove it. |"
    ) in finding_codes.page()
