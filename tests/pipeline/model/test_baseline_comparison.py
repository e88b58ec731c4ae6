"""comparison.json comes out of an archive that others may have made: what is wrong in it is refused in a clause."""

import json
from typing import Any

import pytest
from pipeline.model.baseline_comparison import parse_comparisons

from tests.pipeline.model.test_judged_comparison import COMPARISON


def changed(**more: Any) -> bytes:
    return json.dumps(json.loads(COMPARISON) | more).encode()


def of_yolo(**more: Any) -> bytes:
    content = json.loads(COMPARISON)
    content["baselines"]["yolo"]["differences"][0] |= more
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "it is not JSON"),
        (changed(format="floorplan-dino-baselines/2"), "its format is not"),
        (changed(plans=-1), "it lacks plans"),
        (changed(not_compared=[]), "it lacks plans, baselines or not_compared"),
        (changed(not_compared={str(number): "no" for number in range(5)}), "more than 5 baselines"),
        (changed(baselines={"yolo": []}), "baselines.yolo has no lists"),
        (of_yolo(low=-1.1), "not a number from -1 to 1"),
        (of_yolo(a_value=True), "not a number from 0 to 1"),
        (of_yolo(sentence=None), "a sentence is missing"),
        (of_yolo(**{"class": 3}), "not a name"),
    ],
)
def test_what_the_trainer_would_not_write_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_comparisons(content)


def test_texts_are_made_fit_to_show() -> None:
    (baseline,) = parse_comparisons(of_yolo(sentence=f"\x1b[2J{'x' * 5000}")).baselines
    sentence = baseline.differences[0].sentence
    assert sentence.startswith("\\x1b[2J")
    assert len(sentence) == 600
