"""How a judged model compares with the baselines: told, kept and registered, and never in the way of the judgement."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pipeline.model.artifact_metrics import MAX_FILE_BYTES
from pipeline.quote.baselines import Baselines
from pipeline.quote.cost_quote import Quote
from pipeline.request_input import parse_request
from pipeline.settings import Defaults
from pipeline.state import to_state

from tests.pipeline.model.court import GOOD, Court

ROOMS = "The new model finds rooms better than yolo: F1 0.912 against 0.895."
LENIENT_ROOMS = "The new model and yolo: no difference in rooms that 421 plans can show."
ALL_CLASSES = "The new model finds boxes of all classes better than yolo: F1 0.902 against 0.885."


def difference(sentence: str | None, values: tuple[float, float], low: float, high: float, **more: Any) -> Any:
    a, b = values
    row = {
        "a": "the new model",
        "b": "yolo",
        "rule": "coco",
        "class": "room",
        "figure": "f1",
        "a_value": a,
        "b_value": b,
    }
    return row | {"low": low, "high": high} | ({"sentence": sentence} if sentence else {}) | more


COMPARISON = json.dumps(
    {
        "format": "floorplan-dino-baselines/1",
        "split": "test",
        "plans": 421,
        "baselines": {
            "yolo": {
                "classes": ["wall", "room"],
                "differences": [
                    difference(ALL_CLASSES, (0.902, 0.885), 0.003, 0.03, **{"class": None}),
                    difference(ROOMS, (0.912, 0.895), 0.004, 0.031),
                    difference(None, (0.6, 0.5), 0.05, 0.15, figure="ap"),
                    difference(LENIENT_ROOMS, (0.93, 0.929), -0.01, 0.012, rule="lenient"),
                ],
                "notes": ["The threshold of yolo has the best F1 on test itself, so its F1 is a little too high."],
            }
        },
        "not_compared": {"old": "it is about other images."},
    }
).encode()


def with_baselines(court: Court) -> Quote:
    return replace(court.stage.quote, baselines=Baselines(names=("yolo", "old"), prefix="reports/run/baselines-0/"))


def test_how_it_compares_with_the_baselines_is_told_kept_and_registered(court: Court) -> None:
    judgement = court.judge(GOOD | {"comparison.json": COMPARISON}, quote=with_baselines(court))
    assert judgement.decision == "registered"
    assert judgement.comparisons == (
        "Compared with the baseline yolo on the 421 plans of the test split:",
        ROOMS,
        LENIENT_ROOMS,
        "The threshold of yolo has the best F1 on test itself, so its F1 is a little too high.",
        "The baseline old is not compared: it is about other images.",
    )
    key = f"reports/{court.stage.execution.name}/comparison-0.json"
    assert (judgement.comparison_uri, court.bucket.objects[key]) == (f"s3://bucket/{key}", COMPARISON)
    (package,) = court.sagemaker.registered
    told = {name: value for name, value in package["CustomerMetadataProperties"].items() if name.startswith("baseline")}
    assert told == {
        "baseline.yolo.coco.f1.room": "0.9120 against 0.8950: +0.0170 from +0.0040 to +0.0310 on 421 plans of test",
        "baseline.yolo.lenient.f1.room": "0.9300 against 0.9290: +0.0010 from -0.0100 to +0.0120 on 421 plans of test",
    }
    assert package["CustomerMetadataProperties"]["comparison"] == judgement.comparison_uri
    assert json.loads(json.dumps(to_state(judgement))) == to_state(judgement)


def test_what_a_package_is_known_by_is_registered_however_much_is_compared(court: Court) -> None:
    """The registry takes 50 entries."""
    content = json.loads(COMPARISON)
    rooms = content["baselines"]["yolo"]["differences"][0]
    content["baselines"]["yolo"]["differences"] = [rooms | {"rule": f"rule {number}"} for number in range(60)]
    court.judge(GOOD | {"comparison.json": json.dumps(content).encode()}, quote=with_baselines(court))
    (package,) = court.sagemaker.registered
    known = {"ap", "f1", "dataset_version", "comparison", "classes", "execution", "training_job", "report"}
    assert known <= package["CustomerMetadataProperties"].keys()


def test_a_model_below_the_gate_is_compared_too(court: Court, defaults: Defaults) -> None:
    strict = parse_request({"quality_gate": {"room": 0.92}}, defaults)
    files = GOOD | {"comparison.json": COMPARISON}
    judgement = court.judge(files, request=strict, quote=with_baselines(court))
    assert judgement.decision == "gate_not_met"
    assert ROOMS in judgement.comparisons


def test_a_gate_without_a_class_that_is_compared_is_told_of_all_together(court: Court, defaults: Defaults) -> None:
    judgement = court.judge(
        GOOD | {"comparison.json": COMPARISON},
        request=parse_request({"quality_gate": {}}, defaults),
        quote=with_baselines(court),
    )
    assert judgement.comparisons[1] == ALL_CLASSES
    (package,) = court.sagemaker.registered
    assert "baseline.yolo.coco.f1.all" in package["CustomerMetadataProperties"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "it has no comparison.json"),
        (b"[]", "comparison.json cannot be used: its format is not floorplan-dino-baselines/1"),
        (b"x" * (MAX_FILE_BYTES + 1), "comparison.json has 4,000,001 bytes, more than 4,000,000"),
    ],
)
def test_a_comparison_that_cannot_be_read_costs_nothing_but_itself(
    court: Court, content: bytes | None, said: str
) -> None:
    files = ({"comparison.json": content} if content is not None else {}) | GOOD
    judgement = court.judge(files, quote=with_baselines(court))
    assert judgement.decision == "registered"
    (sentence,) = judgement.comparisons
    assert sentence.startswith("The model is not compared with the baselines: Of the model s3://bucket/")
    assert said in sentence
    assert judgement.comparison_uri is None


def test_nothing_is_told_of_baselines_where_there_are_none(court: Court, then_full: dict[str, Any]) -> None:
    assert court.judge(GOOD | {"comparison.json": COMPARISON}).comparisons == ()
    first = court.judge(GOOD, **then_full, quote=with_baselines(court))
    assert (first.decision, first.comparisons) == ("next_stage", ())
