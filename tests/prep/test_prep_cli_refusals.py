"""What the command line refuses it refuses in one sentence: status 2 for wrong usage, 1 for wrong data."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dataset_prep import run
from dataset_prep.run import main
from tests.prep.yolo_tree import Tree

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "dataset_prep" / "run.py"


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """The exit status and what stands on standard error, which must be one line."""
    try:
        status = main([str(argument) for argument in arguments])
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return status, error.strip().splitlines()[-1] if error.strip() else ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--source", "nowhere"], "nowhere does not exist"),
        (["--source", "empty"], "empty is empty"),
        (["--source", "other"], "is not a data set of a known format"),
        (["--source", "plans", "--split", "0.5,0.2"], "not three shares"),
        (["--source", "plans", "--split", "0.5,0.2,0.2"], "adds up to 0.9"),
        (["--source", "plans", "--classes", "wall,wall"], "needs names, each once"),
        (
            ["--source", "plans", "--classes", "stairs"],
            "no class and no type of room of that name. It has room, wall, and as types of rooms Bath, Bedroom",
        ),
        (["--source", "plans", "--output", "plans/d"], "is in the source"),
        (["--source", "plans", "--output", "other"], "give --output a folder of its own"),
        (["--source", "plans", "--output", "other/notes.txt"], "is a file"),
        (["--source", "plans", "--output", "d", "--report", "d/r"], "is in the data set"),
        (["--source", "plans", "--report", "other/notes.txt"], "is a file"),
        (["--source", "plans", "--report", "plans/r"], "plans/r is in the source"),
        (["--source", "plans", "--dry-run", "--report", "plans"], "plans is in the source"),
        (["--source", "plans", "--images", "other"], "belongs to COCO and YOLO sources"),
        (["--source", "plans", "--annotations", "nothing.json"], "nothing.json does not exist"),
        (["--source", "plans", "--format", "voc"], "invalid choice: 'voc'"),
        (["--source", "plans", "--limit", "0"], "0 is smaller than 1"),
        (["--source", "plans", "--keep-empty", "--drop-empty"], "not allowed with argument --keep-empty"),
        (["--source", "plans", "--prefix", "../mine"], "'../mine' is not a folder's name"),
        (["--source", "plans", "--prefix", ""], "'' is not a folder's name"),
        (["--source", "d/plans", "--output", "d"], "d/plans is in d"),
        (["--source", "plans", "--workers", "many"], "'many' is not a whole number"),
        (["--source", "plans", "--limit", "1.5"], "'1.5' is not a whole number"),
        (["--source", "plans", "--classes", "wall,Walls"], "needs names, each once"),
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
    tmp_path: Path, make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_image("yolo/images/a.png")
    (tmp_path / "yolo/labels").mkdir()
    (tmp_path / "yolo/labels/a.txt").write_text("0 20 15 10 10")
    (tmp_path / "yolo/classes.txt").write_text("wall")
    assert main(["--source", str(tmp_path / "yolo"), "--output", str(tmp_path / "d"), "--split", "1,0,0"]) == 1
    assert "labels/a.txt, line 1, is in pixels" in capsys.readouterr().out


def test_classes_that_nobody_asked_for_are_named(
    tmp_path: Path, make_image: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_image("yolo/images/a.png")
    (tmp_path / "yolo/labels").mkdir()
    (tmp_path / "yolo/labels/a.txt").write_text("0 0.5 0.5 0.5 0.5")
    (tmp_path / "yolo/classes.txt").write_text("door")
    status, error = refusal(capsys, "--source", tmp_path / "yolo", "--output", tmp_path / "d")
    assert status == 1
    assert "The classes in the source" in error and "are door, and none of them is wall or room" in error


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


def test_too_little_memory_is_one_sentence(
    samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(run, "prepare", fail)
    status, error = refusal(capsys, "--source", samples, "--output", tmp_path / "d")
    assert status == 1
    assert error.startswith("run.py: The memory does not suffice: end other programs, give --workers 1, ")


def test_a_bug_of_ours_shows_its_traceback(samples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "prepare", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["--source", str(samples), "--output", str(tmp_path)])


def test_a_folder_that_is_to_be_written_is_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "d/train").mkdir(parents=True)
    (tmp_path / "d/train/annotations.json").write_text("{}")
    status, error = refusal(capsys, "--source", tmp_path / "d/train", "--output", tmp_path / "d")
    assert status == 2
    assert "which is to be written: give another --output" in error


def test_names_are_shown_as_they_are_but_what_the_terminal_lacks_is_escaped(
    tmp_path: Path, make_image: Callable[..., Path]
) -> None:
    make_image("yolo/images/gr\u00fcn :house: \u5e73.png")
    (tmp_path / "yolo/labels").mkdir()
    (tmp_path / "yolo/labels/gr\u00fcn :house: \u5e73.txt").write_text("0 0.5 0.5 0 0")
    (tmp_path / "yolo/classes.txt").write_text("wall")
    command = [sys.executable, str(RUN), "--source", str(tmp_path / "yolo"), "--output", str(tmp_path / "d")]
    environment = os.environ | {"PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"labels/gr\xfcn :house: \\u5e73.txt, line 1, is a box without area." in done.stdout


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


@pytest.mark.parametrize(("source", "spared"), [("cubicasa5k", ()), ("yolo", ("PIL", "numpy"))])
def test_what_few_runs_need_is_not_loaded_by_all(
    source: str, spared: Sequence[str], samples: Path, tmp_path: Path
) -> None:
    plans = samples if source == "cubicasa5k" else Tree(tmp_path / "yolo").root
    told = "import sys; from dataset_prep.run import main; main(); print('loaded', *sorted(sys.modules))"
    command = [sys.executable, "-c", told, "--source", str(plans), "--output", str(tmp_path / "d")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    assert {"matplotlib", "scipy", "imagehash", "boto3", "obstore", "torch", *spared}.isdisjoint(loaded)
