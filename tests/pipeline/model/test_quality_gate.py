"""The gate says each thing that a model does not reach, with both figures."""

import pytest
from pipeline.errors import RequestInvalid
from pipeline.model.artifact_metrics import StageMetrics
from pipeline.model.quality_gate import AcceptedModel, gate_of, shortfalls
from pipeline.request_input import parse_request
from pipeline.settings import Defaults

METRICS = StageMetrics(ap=0.7, f1=0.92, f1_by_class={"room": 0.9, "wall": None})
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/floorplan-dino/3"
GATE = {"room": 0.895}


def short(gate: dict[str, float], ap: float | None = None, version: str = "v") -> list[str]:
    accepted = None if ap is None else AcceptedModel(arn=ARN, ap=ap, dataset_version=version)
    return shortfalls(METRICS, gate=gate, accepted=accepted, dataset_version="v")


@pytest.mark.parametrize("gate", [{}, {"room": 0.895}, {"room": 0.9}])
def test_what_is_reached_exactly_is_reached(gate: dict[str, float]) -> None:
    assert short(gate) == []
    assert short(gate, ap=0.7) == []


def test_an_f1_below_the_gate_is_named_with_both_figures() -> None:
    assert short({"room": 0.91}) == [
        "The F1 of room is 0.9000 on the validation split at its best threshold, at IoU 0.5, below 0.91."
    ]


def test_a_class_that_the_model_lacks_falls_short() -> None:
    assert short({"door": 0.5}) == ["The gate asks for the F1 of door, but the model's classes are room, wall."]


def test_a_class_without_a_box_to_judge_by_falls_short() -> None:
    assert short({"wall": 0.0}) == ["The gate asks for the F1 of wall, but the validation split has no box of it."]


def test_an_ap_below_the_last_accepted_models_falls_short() -> None:
    assert short(GATE, ap=0.71) == [f"The AP is 0.7000, below the 0.7100 of the accepted {ARN}."]


def test_another_data_set_of_the_accepted_model_is_told_of() -> None:
    assert "judged on another data-set version" in short({}, ap=0.71, version="w")[0]


def test_all_that_falls_short_is_said_at_once() -> None:
    assert len(short({"room": 0.99, "door": 0.5}, ap=0.99)) == 3


def test_an_accepted_model_of_another_origin_tells_no_ap_to_compare_with() -> None:
    accepted = AcceptedModel(arn=ARN, ap=None, dataset_version=None)
    assert shortfalls(METRICS, gate={}, accepted=accepted, dataset_version="v") == []


def test_the_gate_of_a_request_is_for_classes_that_the_data_set_has(defaults: Defaults) -> None:
    request = parse_request({"quality_gate": {"door": 0.8, "wall": 0.9}}, defaults)
    assert gate_of(request, ("wall", "door", "stairs"), ()) == ({"door": 0.8, "wall": 0.9}, [])
    with pytest.raises(RequestInvalid, match=r"quality_gate names door, but the data set's classes are wall, room:"):
        gate_of(request, ("wall", "room"), ())


def test_of_the_default_gate_only_the_classes_that_the_data_set_has_count(defaults: Defaults) -> None:
    request = parse_request({}, defaults)
    assert gate_of(request, ("wall", "room"), ()) == ({"room": 0.895}, [])
    gate, (note,) = gate_of(request, ("door",), ("door",))
    assert gate == {}
    assert note == "The deployment's default gate for room does not apply: the data set has no such class."


@pytest.mark.parametrize("asked", [{}, {"quality_gate": {"room": 0.1, "wall": 0.1}}])
def test_a_gate_for_what_validation_cannot_measure_is_refused_before_anything_is_spent(
    defaults: Defaults, asked: dict[str, object]
) -> None:
    request = parse_request(asked, defaults)
    with pytest.raises(RequestInvalid, match=r"asks for the F1 of room, but the validation split has no box of it"):
        gate_of(request, ("wall", "room"), ("room",))
    assert gate_of(parse_request({"quality_gate": {}}, defaults), ("wall", "room"), ("room",)) == ({}, [])
