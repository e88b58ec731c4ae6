"""The command line does what it says, in one sentence where it does not, and ends with the status that scripts need."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from dataset_prep import run
from dataset_prep.run import main

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "dataset_prep" / "run.py"
REAL = ROOT.parent / "shared" / "cubicasa5k"


@pytest.fixture
def plans(tmp_path: Path, samples: Path) -> Path:
    """Sample plans that a test may change."""
    return Path(shutil.copytree(samples, tmp_path / "plans"))


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """The exit status and what stands on standard error, which must be one line."""
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return status, error.strip().splitlines()[-1] if error.strip() else ""


def test_a_source_becomes_a_valid_data_set_with_a_report(
    samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--source", str(samples), "--output", str(tmp_path / "d"), "--report", str(tmp_path / "r")]
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "Write: 9 images" in shown
    assert shown.strip().splitlines()[-1].startswith("Data set ")
    report = json.loads((tmp_path / "r/report.json").read_bytes())
    assert report["verdict"] == "valid"
    assert report["counts"]["images"] == 9
    assert {"train", "val", "test"} == set(report["counts"]["splits"])
    page = (tmp_path / "r/report.html").read_text()
    assert page.count("<figure>") == 9
    assert "http" not in page.replace("data:image", ""), "the page needs nothing from elsewhere"
    with Image.open(tmp_path / "r/samples.png") as sheet:
        assert sheet.width > 1000


def test_two_runs_give_the_same_bytes_whatever_the_number_of_threads(samples: Path, tmp_path: Path) -> None:
    for name, workers in (("a", "1"), ("b", "7")):
        arguments = ["--source", str(samples), "--output", str(tmp_path / name), "--report", str(tmp_path / f"{name}r")]
        assert main([*arguments, "--workers", workers]) == 0
    for first in sorted(path for path in tmp_path.glob("a*/**/*") if path.is_file()):
        second = tmp_path / first.relative_to(tmp_path).as_posix().replace("a", "b", 1)
        assert first.read_bytes() == second.read_bytes(), first


def test_a_dry_run_counts_and_writes_nothing(samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--source", str(samples), "--output", str(tmp_path / "d"), "--dry-run", "--bucket", "x"]) == 0
    assert "Dry run: nothing was written." in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_the_official_split_is_the_lists(samples: Path, tmp_path: Path) -> None:
    assert main(["--source", str(samples), "--output", str(tmp_path), "--split", "official"]) == 0
    manifest = json.loads((tmp_path / "manifest.json").read_bytes())
    assert {split: counts["images"] for split, counts in manifest["counts"]["splits"].items()} == {
        split: len((samples / f"{split}.txt").read_text().split("\n")) for split in ("train", "val", "test")
    }


def test_empty_images_are_kept_unless_they_are_to_be_dropped(
    tmp_path: Path, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    picture("yolo/images/a.png", colour=1)
    picture("yolo/images/b.png", colour=2)
    (tmp_path / "yolo/labels").mkdir()
    (tmp_path / "yolo/labels/a.txt").write_text("0 0.5 0.5 0.5 0.5")
    (tmp_path / "yolo/classes.txt").write_text("wall")
    arguments = ["--source", str(tmp_path / "yolo"), "--output", str(tmp_path / "d"), "--split", "1,0,0"]
    for more, images in (([], 2), (["--keep-empty"], 2), (["--drop-empty"], 1)):
        assert main([*arguments, *more]) == 0
        manifest = json.loads((tmp_path / "d/manifest.json").read_bytes())
        assert manifest["counts"]["images"] == images
    assert "1 image without boxes is left out" in capsys.readouterr().out


def test_what_was_written_can_be_read_again_as_coco(samples: Path, tmp_path: Path) -> None:
    """Ids, boxes and splits survive; only the manifest says where they come from."""
    assert main(["--source", str(samples), "--output", str(tmp_path / "a")]) == 0
    again = ["--source", str(tmp_path / "a"), "--output", str(tmp_path / "b"), "--split", "official"]
    assert main(again) == 0
    for first in sorted((tmp_path / "a").rglob("*.*")):
        if first.name != "manifest.json":
            assert first.read_bytes() == (tmp_path / "b" / first.relative_to(tmp_path / "a")).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--source", "nowhere"], "nowhere does not exist"),
        (["--source", "empty"], "empty is empty"),
        (["--source", "other"], "is no data set that is known here"),
        (["--source", "plans", "--split", "0.5,0.2"], "not three shares"),
        (["--source", "plans", "--split", "0.5,0.2,0.2"], "adds up to 0.9"),
        (["--source", "plans", "--classes", "wall,wall"], "needs names, each once"),
        (
            ["--source", "plans", "--classes", "door"],
            "no class and no type of room of that name. It has room, wall, and as types of rooms Bath, Bedroom",
        ),
        (["--source", "plans", "--output", "plans/d"], "lies in the source"),
        (["--source", "plans", "--output", "other"], "give a folder of its own for --output"),
        (["--source", "plans", "--output", "other/notes.txt"], "is a file"),
        (["--source", "plans", "--output", "d", "--report", "d/r"], "lies in the data set"),
        (["--source", "plans", "--report", "other/notes.txt"], "is a file"),
        (["--source", "plans", "--images", "other"], "belong to COCO sources"),
        (["--source", "plans", "--annotations", "nothing.json"], "nothing.json does not exist"),
        (["--source", "plans", "--format", "voc"], "invalid choice: 'voc'"),
        (["--source", "plans", "--limit", "0"], "0 is smaller than 1"),
        (["--source", "plans", "--keep-empty", "--drop-empty"], "not allowed with argument --keep-empty"),
        (["--source", "plans", "--prefix", "../mine"], "'../mine' is no name of a folder"),
        (["--source", "plans", "--prefix", ""], "'' is no name of a folder"),
        (["--source", "d/plans", "--output", "d"], "d/plans lies in d"),
        (["--source", "plans", "--workers", "many"], "invalid"),
        (["--source", "plans", "--sead", "1"], "unrecognized arguments: --sead"),
        ([], "required: --source"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(
    plans: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(plans.parent)
    Path("empty").mkdir()
    Path("other").mkdir()
    Path("d/plans").mkdir(parents=True)
    Path("d/plans/a.png").write_bytes(b"")
    Path("other/notes.txt").write_text("mine")
    status, error = refusal(capsys, *arguments)
    assert status == 2
    assert sentence in error


def test_plans_without_a_split_of_their_own_cannot_be_split_officially(
    plans: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in plans.glob("*.txt"):
        path.unlink()
    status, error = refusal(capsys, "--source", plans, "--split", "official", "--output", plans.parent / "d")
    assert status == 2
    assert "9 of its 9 images" in error


def test_a_broken_svg_refuses_the_data_set_and_names_it(plans: Path, capsys: pytest.CaptureFixture[str]) -> None:
    svg = sorted(plans.rglob("model.svg"))[0]
    svg.write_text(svg.read_text()[:500])
    assert main(["--source", str(plans), "--output", str(plans.parent / "d")]) == 1
    shown = capsys.readouterr().out
    assert f"{svg.parent.parent.name}/{svg.parent.name}/model.svg is not well-formed XML" in shown
    assert shown.strip().splitlines()[-1].startswith("Refused: 1 error")


def test_pixel_coordinates_in_yolo_are_refused(
    tmp_path: Path, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    picture("yolo/images/a.png")
    (tmp_path / "yolo/labels").mkdir()
    (tmp_path / "yolo/labels/a.txt").write_text("0 20 15 10 10")
    (tmp_path / "yolo/classes.txt").write_text("wall")
    assert main(["--source", str(tmp_path / "yolo"), "--output", str(tmp_path / "d"), "--split", "1,0,0"]) == 1
    assert "labels/a.txt, line 1, is in pixels" in capsys.readouterr().out


def test_classes_that_nobody_asked_for_are_named(
    tmp_path: Path, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    picture("yolo/images/a.png")
    (tmp_path / "yolo/labels").mkdir()
    (tmp_path / "yolo/labels/a.txt").write_text("0 0.5 0.5 0.5 0.5")
    (tmp_path / "yolo/classes.txt").write_text("door")
    status, error = refusal(capsys, "--source", tmp_path / "yolo", "--output", tmp_path / "d")
    assert status == 1
    assert "The classes in" in error and "are door, and none of them is wall or room" in error


def test_a_folder_that_may_not_be_written_is_one_sentence(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forbidden(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", forbidden)
    status, error = refusal(capsys, "--source", samples, "--output", tmp_path / "d")
    assert status == 1
    assert "must not be read or written" in error


def test_a_full_disk_is_one_sentence(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(self: Path, *_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    status, error = refusal(capsys, "--source", samples, "--output", tmp_path / "d")
    assert status == 1
    assert str(tmp_path / "d") in error and "(No space left on device)" in error


def test_a_bug_of_ours_shows_its_traceback(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "prepare", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["--source", str(samples), "--output", str(tmp_path)])


def test_ctrl_c_ends_with_130_and_one_sentence(samples: Path, tmp_path: Path) -> None:
    """Interrupted by a real signal while it writes: it stops itself at the second picture."""
    interrupted = (
        "import os, signal, sys\n"
        "import dataset_prep.write as write\n"
        "from dataset_prep.run import main\n"
        "made, calls = write.dataset_png, []\n"
        "def dataset_png(path):\n"
        "    calls.append(path)\n"
        "    if len(calls) == 2:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return made(path)\n"
        "write.dataset_png = dataset_png\n"
        "sys.exit(main())\n"
    )
    command = [sys.executable, "-c", interrupted, "--source", str(samples), "--output", str(tmp_path), "--workers", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 128 + signal.SIGINT
    assert done.stderr.strip() == "Stopped. Give the same command again to go on from here."
    assert not (tmp_path / "manifest.json").exists()


def test_ctrl_c_while_python_still_loads_is_one_sentence_too(tmp_path: Path) -> None:
    """Interrupted by a real signal in the middle of the imports."""
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich/__init__.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, str(RUN), "--source", "plans"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "Stopped before anything was done.\n"


def coco_file(tmp_path: Path, picture: Callable[..., Path], *boxes: list[float]) -> Path:
    """A COCO file beside its one picture, 40 x 30 pixels."""
    picture("a.png")
    annotations = [
        {"id": i, "image_id": 1, "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
        for i, box in enumerate(boxes, start=1)
    ]
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "wall"}],
    }
    (tmp_path / "plans.json").write_text(json.dumps(content))
    return tmp_path / "plans.json"


def test_a_coco_file_works_beside_the_folder_that_is_written(
    tmp_path: Path, picture: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a second run does not take what the first one wrote for the source's pictures."""
    file = coco_file(tmp_path, picture, [1, 1, 9, 9])
    file.write_text(file.read_text().replace("a.png", "000001.png"))
    (tmp_path / "a.png").rename(tmp_path / "000001.png")
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert main(["--source", "plans.json", "--split", "1,0,0"]) == 0
        assert Path("build/dataset/train/images/000001.png").is_file()


def test_a_folder_that_is_to_be_written_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "d/train").mkdir(parents=True)
    (tmp_path / "d/train/annotations.json").write_text("{}")
    status, error = refusal(capsys, "--source", tmp_path / "d/train", "--output", tmp_path / "d")
    assert status == 2
    assert "which is to be written: give another --output" in error


def test_boxes_are_mended_and_counted_only_where_it_is_asked_for(
    tmp_path: Path, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    file = coco_file(tmp_path, picture, [1, 1, 9, 9], [30, 5, 15, 5], [5, 5, 0, 5], [5, 6, 0, 5])
    arguments = ["--source", str(file), "--output", str(tmp_path / "d"), "--split", "1,0,0"]
    assert main(arguments) == 1
    refused = capsys.readouterr().out
    assert "BOX_EMPTY (2 times)" in refused
    assert "BOX_OUTSIDE_IMAGE" in refused
    assert refused.strip().splitlines()[-1].startswith("Refused: 3 errors.")
    assert main([*arguments, "--drop-zero-size"]) == 1
    assert "Refused: 1 error. " in capsys.readouterr().out
    assert main([*arguments, "--drop-zero-size", "--clip", "--report", str(tmp_path / "r")]) == 0
    counts = json.loads((tmp_path / "r/report.json").read_bytes())["counts"]
    assert counts["findings_by_code"]["BOX_CLIPPED"] == 1
    assert counts["findings_by_code"]["BOX_DROPPED"] == 2
    boxes = json.loads((tmp_path / "d/train/annotations.json").read_bytes())["annotations"]
    assert [box["bbox"] for box in boxes] == [[1, 1, 9, 9], [30, 5, 10, 5]]
    options = json.loads((tmp_path / "d/manifest.json").read_bytes())["options"]
    assert (options["clip"], options["drop_zero_size"], options["drop_misfits"]) == (True, True, False)


def test_yolo_rows_are_mended_where_it_is_asked_for(
    tmp_path: Path, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    picture("yolo/images/a.png")
    (tmp_path / "yolo/labels").mkdir()
    (tmp_path / "yolo/labels/a.txt").write_text("0 0.5 0.5 0 0.5\n0 0.5 0.5 1.1 0.5\n0 0.8 0.5 0.5 0.5\n")
    (tmp_path / "yolo/classes.txt").write_text("wall")
    arguments = ["--source", str(tmp_path / "yolo"), "--output", str(tmp_path / "d"), "--split", "1,0,0"]
    assert main(arguments) == 1
    shown = capsys.readouterr().out
    assert "line 1, is a box without area" in shown
    assert "line 2, has the coordinate 1.1 outside of 0 to 1" in shown
    assert main([*arguments, "--clip", "--drop-zero-size"]) == 0
    shown = capsys.readouterr().out
    assert "info: BOX_DROPPED" in shown
    assert "info: BOX_CLIPPED (2 times)" in shown
    boxes = json.loads((tmp_path / "d/train/annotations.json").read_bytes())["annotations"]
    assert [box["bbox"] for box in boxes] == [[0, 7.5, 40, 15], [22, 7.5, 18, 15]]


def test_an_empty_split_is_a_warning(samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--source", str(samples), "--output", str(tmp_path / "d"), "--split", "1,0,0"]) == 0
    assert "warning: SPLIT_EMPTY (2 times)" in capsys.readouterr().out


def test_types_of_rooms_become_classes(samples: Path, tmp_path: Path) -> None:
    arguments = ["--source", str(samples), "--output", str(tmp_path / "d"), "--split", "1,0,0"]
    assert main([*arguments, "--classes", "wall,Bedroom,bath,room"]) == 0
    content = json.loads((tmp_path / "d/train/annotations.json").read_bytes())
    names = {category["id"]: category["name"] for category in content["categories"]}
    assert list(names.values()) == ["wall", "bedroom", "bath", "room"]
    types = {(names[box["category_id"]], box.get("attributes", {}).get("room_type")) for box in content["annotations"]}
    assert {("wall", None), ("bedroom", "Bedroom"), ("bath", "Bath"), ("room", "Kitchen")} <= types
    assert not {("room", "Bedroom"), ("room", "Bath")} & types


def test_plans_whose_annotation_does_not_fit_are_named_and_can_be_left_out(
    plans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = sorted(plans.rglob("F1_original.png"))[2]
    Image.new("RGB", Image.open(wrong).size, "white").save(wrong)
    arguments = ["--source", str(plans), "--output", str(tmp_path / "d"), "--split", "1,0,0"]
    for more, images in (([], 9), (["--drop-misfits"], 8)):
        assert main([*arguments, *more]) == 0
        assert "0% of its walls' sides lie on lines of F1_original.png" in capsys.readouterr().out
        assert json.loads((tmp_path / "d/manifest.json").read_bytes())["counts"]["images"] == images


def test_a_folder_of_the_bucket_that_training_does_not_read_is_warned_about(
    samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--source", str(samples), "--output", str(tmp_path / "d"), "--dry-run", "--bucket", "plans"]
    for prefix, warned in (("mine", True), ("dino-data-2", False), ("dino-data/", False)):
        assert main([*arguments, "--prefix", prefix]) == 0
        assert ("PREFIX_NOT_TRAINED_ON" in capsys.readouterr().out) == warned


def test_help_shows_examples() -> None:
    done = subprocess.run([sys.executable, RUN, "--help"], capture_output=True, text=True, check=True)
    assert "examples:" in done.stdout
    for option in ("--bucket DATASET_BUCKET_NAME", "--drop-misfits", "--clip --drop-zero-size", "--split 1,0,0"):
        assert option in done.stdout.partition("examples:")[2]


def test_a_python_without_the_projects_packages_is_told_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, "-S", RUN, "--source", "plans"],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "run `make setup`, then use .venv/bin/python" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_package_that_only_the_report_needs_is_missed_in_one_sentence(samples: Path, tmp_path: Path) -> None:
    without = "import sys; sys.modules['matplotlib'] = None; from dataset_prep.run import main; sys.exit(main())"
    arguments = ["--source", str(samples), "--output", str(tmp_path / "d"), "--report", str(tmp_path / "r")]
    command = [sys.executable, "-c", without, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "lacks the package matplotlib: run `make setup`" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_what_few_runs_need_is_not_loaded_by_all(samples: Path, tmp_path: Path) -> None:
    told = "import sys; from dataset_prep.run import main; main(); print('loaded', *sorted(sys.modules))"
    command = [sys.executable, "-c", told, "--source", str(samples), "--output", str(tmp_path / "d")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert {"matplotlib", "scipy", "imagehash", "boto3", "obstore", "torch"}.isdisjoint(loaded)


@pytest.mark.skipif(not REAL.is_dir(), reason="the real plans are not here")
def test_the_real_plans_are_converted_and_the_incomplete_ones_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--source", str(REAL), "--output", str(tmp_path / "d"), "--split", "1,0,0"]
    assert main([*arguments, "--report", str(tmp_path / "r")]) == 0
    assert (tmp_path / "d/train/images/003847.png").is_file()
    assert "PLAN_WITHOUT_ANNOTATION (10 times)" in capsys.readouterr().out
