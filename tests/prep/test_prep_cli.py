"""The command line turns a source into a data set and a report, the same bytes every time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from dataset_prep.run import main

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "dataset_prep" / "run.py"
REAL = ROOT.parent / "shared" / "cubicasa5k"


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


def test_what_was_written_can_be_read_again_as_coco(samples: Path, tmp_path: Path) -> None:
    """Ids, boxes and splits survive; only the manifest says where they come from."""
    assert main(["--source", str(samples), "--output", str(tmp_path / "a")]) == 0
    again = ["--source", str(tmp_path / "a"), "--output", str(tmp_path / "b"), "--split", "official"]
    assert main(again) == 0
    for first in sorted((tmp_path / "a").rglob("*.*")):
        if first.name != "manifest.json":
            assert first.read_bytes() == (tmp_path / "b" / first.relative_to(tmp_path / "a")).read_bytes()


def test_help_shows_examples() -> None:
    done = subprocess.run([sys.executable, RUN, "--help"], capture_output=True, text=True, check=True)
    assert "examples:" in done.stdout
    for option in ("--bucket DATASET_BUCKET_NAME", "--drop-mismatched", "--clip --drop-zero-size", "--split 1,0,0"):
        assert option in done.stdout.partition("examples:")[2]


@pytest.mark.skipif(not REAL.is_dir(), reason="the real plans are not here")
def test_the_real_plans_are_converted_and_the_incomplete_ones_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--source", str(REAL), "--output", str(tmp_path / "d"), "--split", "1,0,0"]
    assert main([*arguments, "--report", str(tmp_path / "r")]) == 0
    assert (tmp_path / "d/train/images/003847.png").is_file()
    assert "PLAN_WITHOUT_ANNOTATION (10 times)" in capsys.readouterr().out
