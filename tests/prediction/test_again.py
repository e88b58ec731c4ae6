"""`python -m prediction` once more: what it goes on from, does again and removes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from prediction.command import run as run_module
from prediction.command.plan_list import Plan
from tests.prediction.command_calls import ALL, Calls, content, predict
from tests.prediction.test_model_folder import write_model


def test_what_is_done_is_not_done_again(
    plans: Path, model: Path, tmp_path: Path, calls: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (plans, "--model", model, "--to", tmp_path / "to")
    assert (predict(*arguments), calls.count) == (0, 5)
    before = content(tmp_path / "to")
    assert (predict(*arguments), calls.count) == (0, 5)
    assert content(tmp_path / "to") == before
    assert "0 predicted, 5 done before" in capsys.readouterr().out
    assert (predict(*arguments, "--draw"), calls.count) == (0, 5)  # drawn from the records
    assert (tmp_path / "to" / "a.png.drawn.png").is_file()


def test_further_formats_are_written_of_what_was_found_before(
    plans: Path, model: Path, tmp_path: Path, calls: Calls
) -> None:
    arguments = (plans / "a.png", "--model", model, "--to", tmp_path / "to", "--score=0")
    assert predict(*arguments, "--format=dxf,areas") == 0
    first = content(tmp_path / "to")
    assert sorted(first) == ["a.png.areas.csv", "a.png.dxf", "a.png.prediction.json"]
    assert predict(*arguments, "--format=areas,geojson,csv", "--scale=0.5", "--normalised") == 0
    second = content(tmp_path / "to")
    assert (calls.count, sorted(second)) == (1, sorted([*first, "a.png.geojson", "detections.csv"]))
    assert second["a.png.dxf"] == first["a.png.dxf"]
    assert second["a.png.areas.csv"] != first["a.png.areas.csv"]
    assert json.loads(second["a.png.geojson"])["picture"]["unit"] == "share of width and height"


@pytest.mark.parametrize("change", ["plan", "model", "score", "tile", "record", "width", "class"])
def test_what_would_be_another_answer_is_done_again(
    change: str, plans: Path, model: Path, tmp_path: Path, calls: Calls
) -> None:
    plan, to = plans / "a.png", tmp_path / "to"
    predict(plan, "--model", model, "--to", to, "--draw")
    more = []
    if change == "plan":
        Image.new("L", (120, 90), 255).save(plan)
    elif change == "model":
        model = tmp_path / "other"
        model.mkdir()
        write_model(model, classes=[{"id": 1, "name": "wall"}])
    elif change == "record":
        (to / "a.png.prediction.json").write_text('{"format": "floorplan-dino-prediction/1", "detections": [1]}')
    elif change in ("width", "class"):  # somebody's edits
        record = json.loads((to / "a.png.prediction.json").read_text())
        edits = (
            {"width": 0} if change == "width" else {"detections": [{"label": "Sofa", "score": 1, "box": [1, 2, 3, 4]}]}
        )
        (to / "a.png.prediction.json").write_text(json.dumps(record | edits))
    else:
        more = ["--score=0.2"] if change == "score" else ["--tile=off"]
    assert (predict(plan, "--model", model, "--to", to, *more), calls.count) == (0, 2)
    assert (to / "a.png.drawn.png").exists() == (change in ("record", "width"))  # it was not of this answer


def test_a_plan_with_fewer_pages_than_before_keeps_nothing_of_the_others(model: Path, tmp_path: Path) -> None:
    pages = [Image.new("L", (120, 80), grey) for grey in (255, 250, 245)]
    arguments = (tmp_path / "plan.tif", "--model", model, "--to", tmp_path / "to", "--format=svg")

    def written(count: int) -> list[str]:
        pages[0].save(tmp_path / "plan.tif", save_all=True, append_images=pages[1:count])
        assert predict(*arguments) == 0
        return sorted(name for name in content(tmp_path / "to") if name.endswith(".svg"))

    assert written(3) == ["plan.tif/page-1.svg", "plan.tif/page-2.svg", "plan.tif/page-3.svg"]
    assert written(2) == ["plan.tif/page-1.svg", "plan.tif/page-2.svg"]
    assert written(1) == ["plan.tif.svg"]
    assert written(2) == ["plan.tif/page-1.svg", "plan.tif/page-2.svg"]


def test_what_is_in_the_way_of_a_result_is_named(
    plans: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "to" / "a.png.svg").mkdir(parents=True)
    assert predict(plans, "--model", model, "--to", tmp_path / "to") == 1
    said = capsys.readouterr()
    path = tmp_path / "to" / "a.png.svg"
    assert f"a.png is left out, as {path} cannot be written (Is a directory): move what is there, or" in said.err
    assert "4 predicted, 1 that cannot be used" in said.out


def test_an_interrupted_command_goes_on(
    plans: Path, model: Path, tmp_path: Path, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (plans, "--model", model, "--to", tmp_path / "to")
    read = Plan.read

    def stop_at_the_last(plan: Plan) -> bytes:
        if plan.name == ALL[-1]:
            raise KeyboardInterrupt
        return read(plan)

    with monkeypatch.context() as patch:
        patch.setattr(Plan, "read", stop_at_the_last)
        assert (predict(*arguments), calls.count) == (130, 4)
    assert (predict(*arguments), calls.count) == (0, 5)
    assert len(json.loads((tmp_path / "to" / "detections.coco.json").read_text())["images"]) == 5


def test_a_file_that_is_written_in_part_is_not_taken_for_done(
    plans: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    arguments = (plans / "a.png", "--model", model, "--to", tmp_path / "to", "--draw")
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "write_record", fail)
        assert predict(*arguments) == 1
    assert sorted(content(tmp_path / "to")) == ["a.png.drawn.png", "a.png.geojson", "a.png.svg"]
    assert predict(*arguments) == 0
    assert "a.png.prediction.json" in content(tmp_path / "to")


def test_results_are_not_taken_for_plans(plans: Path, model: Path, calls: Calls) -> None:
    arguments = (plans, "--model", model, "--to", plans / "found", "--draw")
    assert [predict(*arguments), predict(*arguments)] == [0, 0]
    assert calls.count == 5
    assert predict(str(plans / "**" / "*.png"), "--model", model, "--to", plans / "found", "--draw") == 0
