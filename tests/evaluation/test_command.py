"""`python -m evaluation` end to end: figures, files and exit statuses."""

from __future__ import annotations

import csv
import errno
import io
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataset_contract.load import load_split
from dataset_prep import run as preparation
from dataset_prep.samples import write_samples
from evaluation import command
from evaluation.__main__ import main
from evaluation.breakdowns import BOXES_PER_PLAN
from evaluation.error_kinds import KINDS
from evaluation.metrics import ImageDetections, evaluate
from prediction.predictor import Predictor
from tests.docs.page_lines import ROOT, spans
from tests.evaluation.datasets import PLANS, ROOM, WALL, entries, write_dataset, write_json, write_labels
from tests.prediction.test_model_folder import write_model

OWN = {WALL: WALL, ROOM: ROOM}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of sample plans."""
    folder = tmp_path_factory.mktemp("samples")
    write_samples(folder / "plans", 8, seed=3)
    arguments = ["--source", str(folder / "plans"), "--output", str(folder / "data"), "--split", "0.5,0.25,0.25"]
    assert preparation.main(arguments) == 0
    return folder / "data"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with random weights that knows rooms."""
    folder = tmp_path_factory.mktemp("model")
    write_model(folder, classes=[{"id": 2, "name": "room", "threshold": 0.0625}])
    return folder


def metrics(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "metrics.json").read_text())
    return content


def test_a_trained_model_on_sample_plans(samples: Path, model: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        for path in model.iterdir():
            archive.add(path, path.name)
    arguments = ["--data", str(samples), "--to", str(tmp_path / "to"), "--classes", "room"]
    models = [f"--model=folder={model}", f"--model=archive={tmp_path / 'model.tar.gz'}"]
    assert main([*arguments, *models]) == 0
    content = metrics(tmp_path / "to")
    assert content["models"]["folder"] == content["models"]["archive"]
    assert content["models"]["folder"]["threshold_from"] == "model"
    assert content["models"]["folder"]["coco"]["threshold"] == 0.0625
    assert all((each["difference"], each["low"], each["high"]) == (0, 0, 0) for each in content["differences"])
    # The trainer's figures, of the same detections.
    truth, predictor = load_split(samples, "test"), Predictor.load(model)
    found = []
    for image in truth.images:
        boxes = predictor.predict(samples / "test" / image.file_name, threshold=0)
        found.append(
            ImageDetections(image.id, [each.score for each in boxes], [2] * len(boxes), [each.box for each in boxes])  # type: ignore[arg-type]
        )
    expected = evaluate(truth, found, max_detections=1000)["classes"]["room"]
    given = content["models"]["folder"]["coco"]["classes"]["room"]
    assert [given[name] for name in ("ap", "ap50", "ar")] == pytest.approx(
        [expected[name] for name in ("ap", "ap50", "ar")], abs=1e-4
    )


def test_a_model_without_thresholds_is_predicted_on_the_validation_split_too(samples: Path, tmp_path: Path) -> None:
    write_model(tmp_path)
    arguments = ["--data", str(samples), "--to", str(tmp_path / "to"), "--model", f"dino={tmp_path}"]
    assert main(arguments) == 0
    content = metrics(tmp_path / "to")
    assert content["models"]["dino"]["threshold_from"] == "validation"
    assert "dino does not know wall: boxes of it count as missed; --classes room leaves it out." in content["notes"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data")


def test_results_files_are_compared(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write_json(tmp_path / "good.json", entries(PLANS["test"], OWN))
    poor = write_labels(tmp_path / "labels", PLANS["test"][:1], {ROOM: 0, WALL: 1})
    arguments = [f"--data={data}", f"--to={tmp_path / 'to'}", f"--model=good={good}", f"--model=poor={poor}"]
    assert main([*arguments, "--names=poor=room,wall", "--threshold=0.5", "--threshold=poor=best"]) == 0
    shown = capsys.readouterr().out
    assert "good and poor: no difference in rooms that 3 plans can show: F1 1.000 against 0.500, +50.0 points" in shown
    assert "On 2 of 3 plans poor finds nothing." in shown
    content = metrics(tmp_path / "to")
    assert (content["format"], content["split"], content["plans"]) == ("floorplan-dino-evaluation/1", "test", 3)
    assert content["models"]["good"]["threshold_from"] == "given"
    assert content["models"]["poor"]["threshold_from"] == "split"
    for rule in ("coco", "lenient"):
        figures = content["models"]["good"][rule]
        assert (figures["f1"], figures["precision"], figures["recall"]) == (1, 1, 1)
        assert figures["classes"].keys() == {"wall", "room"}
    assert content["models"]["good"]["coco"]["ap"] == 1
    assert content["models"]["good"]["lenient"]["ap"] is None
    assert {each["figure"] for each in content["differences"] if each["rule"] == "lenient"} == {
        "f1",
        "precision",
        "recall",
    }
    missed = content["models"]["poor"]["errors"]["missed"]
    assert (missed["count"], missed["classes"]) == (4, {"wall": 2, "room": 2})
    assert content["disagreements"][0]["errors"] == {"good": 0, "poor": 2}
    rows = list(csv.DictReader((tmp_path / "to" / "errors.csv").open()))
    assert [(row["model"], row["kind"], row["annotation_id"]) for row in rows] == [
        ("poor", "missed", str(1000 * plan + label)) for plan in PLANS["test"][1:] for label in (WALL, ROOM)
    ]
    assert {row["kind"] for row in rows} <= set(KINDS)


def test_the_threshold_is_chosen_on_the_validation_split(data: Path, tmp_path: Path) -> None:
    false = [{"image_id": 5, "category_id": label, "bbox": [300, 150, 20, 20], "score": 0.6} for label in OWN]
    val = write_json(tmp_path / "val.json", entries(PLANS["val"], OWN, score=0.7) + false)
    test = write_json(tmp_path / "test.json", entries(PLANS["test"], OWN, score=0.65))
    assert main([f"--data={data}", f"--to={tmp_path}", f"--model=a={test}", f"--model=a={val}"]) == 0
    figures = metrics(tmp_path)["models"]["a"]
    assert (figures["threshold_from"], figures["coco"]["threshold"], figures["coco"]["f1"]) == ("validation", 0.7, 0)


def test_the_threshold_of_metrics_json_is_the_one_that_the_figures_are_of(data: Path, tmp_path: Path) -> None:
    score = 0.123456789  # to five digits more than itself, at which nothing counts
    results = write_json(tmp_path / "results.json", entries(PLANS["test"], OWN, score=score))
    assert main([f"--data={data}", f"--to={tmp_path}", f"--model=a={results}"]) == 0
    figures = metrics(tmp_path)["models"]["a"]["coco"]
    assert (figures["threshold"], figures["classes"]["room"]["threshold"]) == (score, score)


def test_names_that_begin_alike_are_told_apart(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = write_json(tmp_path / "results.json", entries(PLANS["test"], OWN))
    names = [f"floorplandino-20261124-0930{second:02}" for second in (0, 1)]
    assert main([f"--data={data}", f"--to={tmp_path}", *(f"--model={name}={results}" for name in names)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if " room " in line and line.startswith("  ")] == 2 * names
    assert names[0] in (page := (tmp_path / "report.html").read_text()) and f"{names[1]} recall" in page


def test_only_a_class_that_the_model_does_not_know(data: Path, tmp_path: Path) -> None:
    results = write_json(tmp_path / "results.json", entries(PLANS["test"], {WALL: 1}))
    arguments = [f"--data={data}", f"--to={tmp_path}", f"--model=a={results}", "--names=a=1:wall"]
    assert main([*arguments, "--classes=room"]) == 0
    assert "a does not know room: boxes of it count as missed." in metrics(tmp_path)["notes"]


def test_json_and_one_rule(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = write_json(tmp_path / "results.json", entries(PLANS["test"], OWN))
    arguments = [f"--data={data}", f"--to={tmp_path / 'to'}", f"--model=a={results}"]
    assert main([*arguments, "--rule=lenient", "--json", "--classes=rooms"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content == metrics(tmp_path / "to")
    assert content["classes"] == ["room"]
    assert "coco" not in content["models"]["a"]
    assert content["models"]["a"]["lenient"]["boxes"] == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--model=a"], "--model needs NAME=..."),
        (["--model=a=x", "--names=b=room"], "--names names 'b', but the models are a."),
        (["--model=a=x", "--names=a=room", "--names=a=wall"], "--names is given twice for a."),
        (["--model=a=x", "--threshold=2"], "--threshold needs `best` or a confidence from 0 to 1, not '2'."),
        (["--model=a=x", "--threshold=b=0.3"], "--threshold names 'b'"),
        (["--model=a=x", "--classes=room,"], "--classes room, needs names"),
        (["--model=a=x", "--classes=door"], "--classes names 'door', but the data set has wall, room."),
    ],
)
def test_wrong_usage_is_exit_status_2(
    data: Path, tmp_path: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([f"--data={data}", f"--to={tmp_path / 'to'}", *arguments]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "to").exists()


def test_results_that_cannot_be_used_leave_what_was_there(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = write_json(tmp_path / "good.json", entries(PLANS["test"], OWN)), write_json(tmp_path / "bad.json", [])
    arguments = [f"--data={data}", f"--to={tmp_path / 'to'}", f"--model=good={good}"]
    assert main(arguments) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "to").iterdir()}
    assert main([*arguments, f"--model=bad={bad}"]) == 1
    assert capsys.readouterr().err.startswith(f"evaluation: {bad} holds no detections")
    assert {path.name: path.read_bytes() for path in (tmp_path / "to").iterdir()} == before


def test_a_folder_that_cannot_be_written_is_found_before_a_model_is_read(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "read_model", lambda *_, **__: pytest.fail("predicts for hours first"))
    file = tmp_path / "file"
    file.touch()
    for to in (file, file / "below" / "it"):
        assert main([f"--data={data}", "--model=a=model.tar.gz", f"--to={to}"]) == 1
        assert capsys.readouterr().err == (
            f"evaluation: {file} cannot be written (Not a directory): name a folder that you may write to with --to, "
            "with room on its disk.\n"
        )


def test_a_full_disk_is_one_sentence(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(command, "write_atomically", full)
    results = write_json(tmp_path / "results.json", entries(PLANS["test"], OWN))
    assert main([f"--data={data}", f"--to={tmp_path / 'to'}", f"--model=a={results}"]) == 1
    assert "labels.csv cannot be written (No space left on device): name a folder" in capsys.readouterr().err


def test_standard_output_on_a_full_disk_is_one_sentence(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    results = write_json(tmp_path / "results.json", entries(PLANS["test"], OWN))

    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sys.stdout", Full())
    assert main([f"--data={data}", f"--to={tmp_path}", f"--model=a={results}"]) == 1
    assert capsys.readouterr().err == "evaluation: A file cannot be read or written: No space left on device.\n"


@pytest.mark.parametrize("place", ["read_model", "compare", "report_files"])
def test_too_little_memory_is_one_sentence(
    place: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(error: Exception) -> Callable[..., None]:
        def failing(*_: object, **__: object) -> None:
            raise error

        return failing

    results = write_json(tmp_path / "results.json", entries(PLANS["test"], OWN))
    arguments = [f"--data={data}", f"--to={tmp_path / 'to'}", f"--model=a={results}"]
    monkeypatch.setattr(command, place, fail(MemoryError()))
    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith("evaluation: The memory does not suffice: end other programs, ")
    monkeypatch.setattr(command, place, fail(RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        main(arguments)


def test_the_page_names_each_field_of_metrics_json(data: Path, tmp_path: Path) -> None:
    results = write_json(tmp_path / "results.json", entries(PLANS["test"], OWN))
    other = write_json(tmp_path / "other.json", entries(PLANS["test"][:2], OWN))
    assert main([f"--data={data}", f"--to={tmp_path}", f"--model=a={results}", f"--model=b={other}"]) == 0
    told = set(re.findall(r"[a-z0-9_]+", " ".join(spans(ROOT / "docs" / "evaluation.md"))))
    named = {"a", "b", "wall", "room", "image_id"}
    assert _keys(metrics(tmp_path)) - named - set(BOXES_PER_PLAN) <= told


def _keys(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()
