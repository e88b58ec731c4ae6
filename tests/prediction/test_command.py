"""`python -m prediction`: what it writes, refuses and survives."""

from __future__ import annotations

import csv
import json
import os
import tarfile
from pathlib import Path

import boto3
import pytest
from PIL import Image

from prediction import load
from tests.dino.small_dino import SMALL
from tests.prediction.command_calls import ALL, content, predict
from tests.prediction.s3_bucket import Bucket
from tests.runs.cloud_in_memory import BUCKET, Cloud, Execution

QUERIES = SMALL.num_queries


def test_a_folder_of_plans_with_all_that_is_written(
    plans: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "to"
    assert predict(plans, "--model", model, "--to", to, "--score=0", "--draw") == 0
    suffixes = (".drawn.png", ".geojson", ".prediction.json", ".svg")
    per_plan = [f"{name}{suffix}" for name in ALL for suffix in suffixes]
    assert sorted(content(to)) == sorted([*per_plan, "detections.coco.json", "detections.csv"])
    coco = json.loads((to / "detections.coco.json").read_text())
    assert [image["file_name"] for image in coco["images"]] == ALL
    assert coco["categories"] == [{"id": 1, "name": "wall"}, {"id": 2, "name": "room"}]
    assert len(coco["annotations"]) == len({each["id"] for each in coco["annotations"]}) == len(ALL) * QUERIES
    rows = list(csv.DictReader((to / "detections.csv").open()))
    assert [row["plan"] for row in rows[::QUERIES]] == ALL
    with Image.open(to / "b.pdf" / "page-2.drawn.png") as drawing:
        assert drawing.size == (112, 167)  # of 40 x 60 points
    assert f"5 predicted; {len(rows)} boxes. Written to {to}." in capsys.readouterr().out


def test_it_gives_what_three_lines_of_python_give(plans: Path, model: Path, tmp_path: Path) -> None:
    predict(plans / "a.png", "--model", model, "--to", tmp_path / "to", "--score=0")
    record = json.loads((tmp_path / "to" / "a.png.prediction.json").read_text())
    found = load(model).predict(plans / "a.png", threshold=0)
    assert [each["box"] for each in record["detections"]] == [pytest.approx(each.box, abs=0.01) for each in found]
    assert (record["plan"], record["width"], record["height"]) == ("a.png", 120, 80)


def test_a_model_may_be_packed(plans: Path, model: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        for path in model.iterdir():
            archive.add(path, path.name)
    assert predict(plans / "a.png", "--model", tmp_path / "model.tar.gz", "--to", tmp_path / "to") == 0
    assert load(tmp_path / "model.tar.gz").predict(plans / "a.png") == load(model).predict(plans / "a.png")


def test_the_boxes_of_a_turned_photo_are_as_a_person_sees_it(model: Path, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (120, 80)).save(tmp_path / "photo.jpg", exif=exif)
    predict(tmp_path / "photo.jpg", "--model", model, "--to", tmp_path / "to", "--draw")
    record = json.loads((tmp_path / "to" / "photo.jpg.prediction.json").read_text())
    assert (record["width"], record["height"]) == (80, 120)


def test_each_plan_that_cannot_be_read_is_named_and_the_rest_goes_on(
    plans: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (plans / "zero.png").touch()
    (plans / "cut.png").write_bytes((plans / "a.png").read_bytes()[:60])
    (plans / "text.jpg").write_text("not a picture")
    (plans / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    wide = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (30_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    (plans / "bomb.png").write_bytes(wide + b"\xde\xad\xbe\xef")
    (plans / "gone\x1b[2J.png").symlink_to(tmp_path / "nowhere")
    secret = tmp_path / "secret.png"
    Image.new("L", (50, 50)).save(secret)
    (plans / "linked.png").symlink_to(secret)
    assert predict(plans, "none.png", "--model", model, "--to", tmp_path / "to") == 1
    said = capsys.readouterr()
    for words in (
        "zero.png is empty",
        "cut.png is not an image|cut.png cannot be decoded",
        "text.jpg is not an image",
        "broken.pdf is a PDF that cannot be read",
        "bomb.png is not an image|bomb.png has 30000 x 30000 pixels",
        "gone\\x1b[2J.png cannot be read (No such file or directory)",
        "linked.png is a symbolic link that leads out",
        "none.png does not exist",
    ):
        [line] = [line for line in said.err.splitlines() if any(part in line for part in words.split("|"))]
        assert line.endswith(".")
    assert "Traceback" not in said.err
    assert "5 predicted, 8 that cannot be used, named above" in said.out
    assert len(list(csv.DictReader((tmp_path / "to" / "detections.csv").open()))) > 0


def test_results_never_leave_their_folder(
    plans: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    to, elsewhere = tmp_path / "to", tmp_path / "elsewhere"
    to.mkdir()
    elsewhere.mkdir()
    (to / "upper floor").symlink_to(elsewhere)
    assert predict(plans / "upper floor", "--model", model, "--to", elsewhere, "--score=0.1") == 0
    before = content(elsewhere)  # of another answer, which would be removed
    (to / "a.png.prediction.json").symlink_to(elsewhere / "a.json")
    assert predict(plans, "--model", model, "--to", to) == 1
    assert content(elsewhere) == before
    assert "would be written outside of" in capsys.readouterr().err
    assert (to / "a.png.prediction.json").is_file()


def test_a_name_that_is_not_text_is_shown_and_written(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "plans"
    folder.mkdir()
    name = os.fsdecode(b"caf\xe9\n.png")  # Latin-1 and a line break
    try:
        Image.new("L", (120, 80)).save(folder / "plan.png")
        (folder / "plan.png").rename(folder / name)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    assert predict(folder, "--model", model, "--to", tmp_path / "to", "--format=csv,geojson", "--score=0") == 0
    [row, *_] = csv.DictReader((tmp_path / "to" / "detections.csv").open())
    assert row["plan"] == "caf\\udce9\\n.png"
    assert (tmp_path / "to" / f"{name}.geojson").is_file()


def test_programs_find_a_plan_by_the_name_in_the_files(model: Path, tmp_path: Path) -> None:
    name = "間取り\u30001 10.00\u202fAM.png"  # spaces of a Japanese keyboard and of a Mac's screenshots
    (tmp_path / "plans").mkdir()
    Image.new("L", (120, 80)).save(tmp_path / "plans" / name)
    assert predict(tmp_path / "plans", "--model", model, "--to", tmp_path / "to", "--format=coco,cvat,areas") == 0
    [image] = json.loads((tmp_path / "to" / "detections.coco.json").read_text())["images"]
    assert image["file_name"] == name
    assert f'name="{name}"' in (tmp_path / "to" / "cvat.xml").read_text()


def test_thresholds_are_the_models_own_unless_told(
    plans: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = load(model).predict(plans / "a.png", threshold=0)
    some = sorted(each.score for each in found if each.label == "room")[3]

    def labels(*score: str) -> list[str]:
        assert predict(plans / "a.png", "--model", model, "--to", tmp_path / "to", *score) == 0
        record = json.loads((tmp_path / "to" / "a.png.prediction.json").read_text())
        return [each["label"] for each in record["detections"]]

    assert labels() == [each.label for each in found if each.score >= (0.9 if each.label == "wall" else 0.3)]
    assert "tells no threshold for room: boxes count from 0.3 on" in capsys.readouterr().err
    assert labels("--score=0") == [each.label for each in found]
    assert labels(f"--score=wall=1,Room={some}") == [e.label for e in found if e.label == "room" and e.score >= some]


def test_that_the_model_may_have_found_more_is_said(
    plans: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predict(plans / "a.png", "--model", model, "--to", tmp_path / "1", "--score=0")
    assert "a.png: the model found as many objects as it can on it, so there may be more" in capsys.readouterr().err
    predict(plans / "a.png", "--model", model, "--to", tmp_path / "2", "--score=0", "--tile=64")
    assert "on 6 of its 6 tiles" in capsys.readouterr().err
    record = json.loads((tmp_path / "2" / "a.png.prediction.json").read_text())
    assert record["tiles"] == 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--format=pdf"], "--format has 'pdf': give some of coco,csv,cvat,label-studio,geojson,svg,dxf,areas."),
        (["--score=2"], "--score needs confidences from 0 to 1"),
        (["--score=wall=nan"], "--score needs confidences from 0 to 1"),
        (["--score=wall=0.5,wall=0.6"], "needs each class once"),
        (["--score=door=0.5"], "--score names 'door', but the model has wall, room"),
        (["--tile=12"], "--tile needs auto, off or a number of pixels from 64 on"),
        (["--scale=-1"], "--scale needs the metres of one pixel, such as 0.0127, from 0.000001 to 1000, not -1.0."),
        (["--scale=1e200"], "--scale needs the metres of one pixel"),
        (["--scale=nan"], "--scale needs the metres of one pixel"),
        (["--score=Wall=0.5,walls=0.6"], "needs each class once"),
        (["--to="], "A PLAN, --model or --to is empty"),
        (["--model="], "A PLAN, --model or --to is empty"),
        (["--to=s3://bucket/to"], "is not a folder on this machine"),
        (["--to=plans"], "results would be taken for plans"),
    ],
)
@pytest.mark.usefixtures("in_the_folder_above")
def test_wrong_usage_is_one_sentence_and_status_2(
    arguments: list[str], words: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict("plans", "--model", model, "--to", "to", *arguments) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("prediction: ")]
    assert words in line


@pytest.mark.parametrize("kind", ["missing", "foreign", "empty folder", "not an archive", "a name too long"])
def test_a_model_that_cannot_be_used_is_one_sentence_and_status_1(
    kind: str, plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model.tar.gz"
    if kind == "foreign":
        with tarfile.open(model, "w:gz") as archive:
            archive.add(plans / "a.png", "../outside.png")
    elif kind == "empty folder":
        model.mkdir()
    elif kind == "not an archive":
        model.write_bytes(b"PK\3\4")
    elif kind == "a name too long":
        model = tmp_path / ("m" * 300)
    assert predict(plans, "--model", model, "--to", tmp_path / "to") == 1
    said = capsys.readouterr().err
    assert said.startswith(f"prediction: {model} ")
    assert said.count("\n") == 1
    assert not (tmp_path / "outside.png").exists()


@pytest.mark.usefixtures("in_the_folder_above")
def test_a_sentence_about_a_model_names_it_and_leaves_the_other_words(capsys: pytest.CaptureFixture[str]) -> None:
    Path("m").mkdir()
    assert predict("plans", "--model=m/", "--to=to", "--backend=onnx") == 1
    assert capsys.readouterr().err.startswith("prediction: m does not hold a model that can be loaded (")


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A deployed stack whose newest run has no model, and an older one that has."""
    artifact = {"artifact_uri": f"s3://{BUCKET}/training-jobs/job/output/model.tar.gz"}
    good = Execution("good", [("Succeeded", {"outcome": artifact})])
    made = Cloud(Execution("new", [("Wait", {})], status="RUNNING"), good)
    monkeypatch.setattr(boto3, "Session", lambda: made)
    return made


def test_a_runs_model_is_fetched(
    cloud: Cloud, plans: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        for path in model.iterdir():
            archive.add(path, path.name)
    bucket = Bucket({"training-jobs/job/output/model.tar.gz": (tmp_path / "model.tar.gz").read_bytes()})
    monkeypatch.setattr(boto3, "client", lambda _: bucket)
    assert predict(plans / "a.png", "--model=run:good", "--to", tmp_path / "to") == 0
    assert (tmp_path / "to" / "a.png.prediction.json").is_file()


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("run:none", "There is no run none: `python -m runs` lists the last ones."),
        ("run:", "The run new has no model: it is RUNNING, in Wait."),
        ("s3://bucket", "'s3://bucket' does not name an object or a folder"),
    ],
)
@pytest.mark.usefixtures("cloud")
def test_a_place_without_a_model_is_said(
    place: str, words: str, plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(plans, "--model", place, "--to", tmp_path / "to") == 1
    assert capsys.readouterr().err.startswith(f"prediction: {words}")


def test_a_folder_without_a_plan_is_said(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plans").mkdir()
    assert predict(tmp_path / "plans", "--model", model, "--to", tmp_path / "to") == 1
    assert "holds no plan: .avif, .bmp, .gif" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said(
    plans: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert predict(plans, "--model", model, "--to", tmp_path / "file" / "to") == 1
    assert "cannot be written (Not a directory)" in capsys.readouterr().err


def test_pre_labels_come_with_what_their_tools_need_to_import_them(plans: Path, model: Path, tmp_path: Path) -> None:
    to = tmp_path / "to"
    assert predict(plans / "a.png", "--model", model, "--to", to, "--score=0", "--format=cvat,label-studio") == 0
    assert sorted(content(to)) == [
        "a.png.prediction.json",
        *("cvat-labels.json", "cvat.xml", "label-studio-config.xml", "label-studio.json"),
    ]
    assert (to / "cvat.xml").read_text().count("<box ") == QUERIES
    (task,) = json.loads((to / "label-studio.json").read_text())
    assert len(task["predictions"][0]["result"]) == QUERIES


def test_too_little_memory_is_one_sentence(
    plans: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lack = RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried ...")

    def fail(*_: object, **__: object) -> None:
        raise lack

    for place in ("prediction.torch_model.load_file", "prediction.predictor.Predictor.predict"):
        with monkeypatch.context() as without_memory:
            without_memory.setattr(place, fail)
            assert predict(plans, "--model", model, "--to", tmp_path / "to", "--backend=torch") == 1
        *_, sentence = capsys.readouterr().err.splitlines()
        assert sentence.startswith("prediction: The memory does not suffice: end other programs, ")
    with pytest.raises(RuntimeError, match="a bug"):
        lack = RuntimeError("a bug")
        monkeypatch.setattr("prediction.predictor.Predictor.predict", fail)
        predict(plans, "--model", model, "--to", tmp_path / "to", "--backend=torch")
