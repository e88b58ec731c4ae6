"""A model is compared with baselines in files, by the same figures as the command gives."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation import baselines
from evaluation.baselines import Question, compare_with_baselines
from tests.evaluation.datasets import BOXES, PLANS, ROOM, WALL, entries, write_dataset, write_json

OWN = {WALL: WALL, ROOM: ROOM}
TEST = PLANS["test"]


def found(*labels: int) -> dict[str, Any]:
    """The new model's detections: all boxes of these classes."""
    boxes = [(plan, label, BOXES[label]) for plan in TEST for label in labels]
    corners = [(x, y, x + width, y + height) for _, _, (x, y, width, height) in boxes]
    return {
        "image_ids": np.array([plan for plan, *_ in boxes]),
        "labels": np.array([label for _, label, _ in boxes], np.int64),
        "scores": np.full(len(boxes), 0.9, np.float32),
        "boxes": np.array(corners, np.float32).reshape(-1, 4),
    }


@pytest.fixture
def question(tmp_path: Path) -> Question:
    (tmp_path / "baselines").mkdir()
    thresholds = {"wall": 0.5, "room": 0.5}
    return Question(str(write_dataset(tmp_path / "data")), str(tmp_path / "baselines"), thresholds)


@pytest.fixture
def put(question: Question) -> Callable[..., None]:
    """Puts files into a baseline's folder."""

    def write(name: str, content: object, *, file: str = "predictions.json", names: str | None = None) -> None:
        folder = Path(question.baselines) / name
        folder.mkdir(exist_ok=True)
        write_json(folder / file, content)
        if names is not None:
            (folder / "classes.txt").write_text(names)

    return write


def test_differences_sentences_and_what_to_know_of_them(question: Question, put: Callable[..., None]) -> None:
    put("yolo", entries(TEST, {WALL: 1}), names="1:wall\n2:room")
    compared = compare_with_baselines(question, found(WALL, ROOM))
    assert {name: compared[name] for name in ("format", "split", "plans", "not_compared")} == {
        "format": "floorplan-dino-baselines/1",
        "split": "test",
        "plans": 3,
        "not_compared": {},
    }
    yolo = compared["baselines"]["yolo"]
    (rooms,) = [
        each for each in yolo["differences"] if (each["rule"], each["class"], each["figure"]) == ("coco", "room", "f1")
    ]
    assert (rooms["a_value"], rooms["b_value"], rooms["difference"], rooms["low"]) == (1, 0, 1, 1)
    assert rooms["sentence"] == (
        "The new model and yolo: no difference in rooms that 3 plans can show: F1 1.000 against 0.000, +100.0 points, "
        "by COCO's matching; at least 6 plans would be needed."
    )
    assert {each["rule"] for each in yolo["differences"]} == {"coco", "lenient"}
    assert yolo["notes"] == [
        "The threshold of the new model is the model's own, with the best F1 on the validation split of its training.",
        "The threshold of yolo has the best F1 on test itself, so its F1 is a little too high; put its results on val "
        "beside them in yolo/.",
        "By the lenient rule both count from the confidence 0.3 on.",
    ]


def test_results_on_val_give_a_baseline_its_threshold(question: Question, put: Callable[..., None]) -> None:
    put("yolo", entries(TEST, OWN))
    put("yolo", entries(PLANS["val"], OWN), file="val.json")
    (_, note, _) = compare_with_baselines(question, found(WALL, ROOM))["baselines"]["yolo"]["notes"]
    assert note == "The threshold of yolo has the best F1 on the validation split."


def test_a_class_that_the_baseline_does_not_know_is_not_compared(question: Question, put: Callable[..., None]) -> None:
    put("yolo", entries(TEST, {ROOM: 1}), names="1:room")
    yolo = compare_with_baselines(question, found(WALL, ROOM))["baselines"]["yolo"]
    assert yolo["classes"] == ["room"]
    assert yolo["notes"][0] == "yolo does not know wall, which is not compared."


def test_one_that_cannot_be_compared_says_why_and_the_others_are(question: Question, put: Callable[..., None]) -> None:
    put("no-names", entries(TEST, {WALL: 2, ROOM: 1}))
    put("yolo", entries(TEST, {WALL: 2, ROOM: 1}), names="room\nwall")
    compared = compare_with_baselines(question, found(WALL, ROOM))
    assert set(compared["baselines"]) == {"yolo"}
    reason = compared["not_compared"]["no-names"]
    assert "predictions.json has class numbers (1, 2) and no names" in reason
    assert reason.endswith(
        "name its classes in the order of its data.yaml, one name a line, in a file classes.txt beside it."
    )


def test_a_model_that_finds_nothing_is_compared(question: Question, put: Callable[..., None]) -> None:
    put("yolo", entries(TEST, OWN))
    yolo = compare_with_baselines(question, found())["baselines"]["yolo"]
    assert yolo["notes"][1] == "On 3 of 3 plans the new model finds nothing."
    assert any(
        "yolo and the new model: no difference in rooms" in str(each.get("sentence")) for each in yolo["differences"]
    )


def test_a_fault_in_one_comparison_is_said_with_its_traceback(
    question: Question, put: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    put("yolo", entries(TEST, OWN))
    monkeypatch.setattr(baselines, "compare", lambda *_, **__: 1 / 0)
    compared = compare_with_baselines(question, found(WALL))
    assert "the comparison failed (ZeroDivisionError" in compared["not_compared"]["yolo"]
    assert "Traceback" in capfd.readouterr().err


def test_a_test_split_without_boxes_is_said(tmp_path: Path, question: Question, put: Callable[..., None]) -> None:
    put("yolo", entries(TEST, OWN))
    empty = Question(str(write_dataset(tmp_path / "empty", boxes=False)), question.baselines, question.thresholds)
    reason = compare_with_baselines(empty, found())["not_compared"]["yolo"]
    assert reason == "the test split of the data set has no boxes to find."


def test_it_answers_as_a_process(question: Question, put: Callable[..., None], tmp_path: Path) -> None:
    """Without torch, which takes memory and seconds."""
    put("yolo", entries(TEST, OWN))
    (tmp_path / "question.json").write_text(json.dumps(asdict(question)))
    np.savez(tmp_path / "detections.npz", **found(WALL, ROOM))
    program = (
        "import sys; from pathlib import Path; from evaluation import baselines;"
        "baselines.main(Path(sys.argv[1])); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(json.loads((tmp_path / "comparison.json").read_text())["baselines"]) == {"yolo"}
