"""The output is one run's at a time, no data set while it is written, and made from a source that is only read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataset_contract.atomic_write import write_atomically
from dataset_prep.errors import UsageError
from dataset_prep.output import DryRun, Output
from dataset_prep.run import main
from tests.prep.exports import Export, ultralytics

HOLDS = "import sys, time; from pathlib import Path; from dataset_prep.output import Output\n" + (
    "with Output(Path(sys.argv[1])).opened(): print('open', flush=True); time.sleep(60)"
)
NOBODY = 65534
# Runs the command line twice: once as who has started it, so that all that is imported late is there, then as nobody.
AS_NOBODY = f"""
import os, sys
from dataset_prep.run import main
source, output = sys.argv[1:]
main(["--source", source, "--output", output + "-first"])
if os.geteuid() == 0:
    os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
sys.exit(main(["--source", source, "--output", output]))
"""


def prepare(source: Path, output: Path, *more: str) -> int:
    return main(["--source", str(source), "--output", str(output), "--split", "official", *more])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    ultralytics(Export(tmp_path / "source"))
    return tmp_path / "source"


def test_while_a_folder_is_written_again_its_old_manifest_is_gone(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert prepare(source, tmp_path / "data") == 0
    there: list[bool] = []

    def seen(path: Path, data: bytes) -> None:
        there.append((tmp_path / "data/manifest.json").exists())
        write_atomically(path, data)

    monkeypatch.setattr("dataset_prep.output.write_atomically", seen)
    assert prepare(source, tmp_path / "data", "--seed", "5") == 0
    assert there == [False], "only the manifest is new"
    next(source.rglob("*.jpg")).write_bytes(b"no image")
    assert prepare(source, tmp_path / "data") == 1
    assert not (tmp_path / "data/manifest.json").exists()


def test_the_manifest_says_by_which_seed_the_split_was_drawn(source: Path, tmp_path: Path) -> None:
    for seed in (42, 5):
        prepare(source, tmp_path / "data", "--seed", str(seed))
        assert json.loads((tmp_path / "data/manifest.json").read_bytes())["options"]["seed"] == seed


@pytest.fixture
def held(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that writes to tmp_path/data."""
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


def test_a_second_run_into_a_folder_is_told_so_until_the_first_has_died(
    held: subprocess.Popen[str], source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(source, tmp_path / "data") == 2
    assert f"Another run is writing to {tmp_path / 'data'}: wait until it has ended" in capsys.readouterr().err
    assert prepare(source, tmp_path / "other") == 0
    held.send_signal(signal.SIGKILL)
    held.wait()
    assert prepare(source, tmp_path / "data") == 0
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["manifest.json", "test", "train", "val"]


def test_a_run_that_comes_while_another_reads_loses_nothing(tmp_path: Path) -> None:
    first, second = Output(tmp_path / "data"), Output(tmp_path / "data")
    first.check()
    second.check()
    with first.opened(), pytest.raises(UsageError, match="Another run is writing to"), second.opened():
        pass
    with second.opened():
        pass


def test_a_dry_run_says_that_the_folder_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(PermissionError) as caught:
        DryRun(tmp_path / "new/data").check()
    assert caught.value.filename == str(tmp_path)
    assert not (tmp_path / "new").exists()


def test_a_source_that_may_only_be_read_is_enough_for_who_is_not_root() -> None:
    with tempfile.TemporaryDirectory() as name:  # in pytest's own folder, nobody may look
        root = Path(name)
        ultralytics(Export(root / "source"))
        for path in (root, root / "out"):
            path.mkdir(exist_ok=True)
            path.chmod(0o777)
        for path in sorted((root / "source").rglob("*"), reverse=True):
            path.chmod(0o555 if path.is_dir() else 0o444)
        (root / "source").chmod(0o555)
        before = {path: path.stat().st_mtime_ns for path in (root / "source").rglob("*")}
        command = [sys.executable, "-c", AS_NOBODY, root / "source", root / "out/data"]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert {path: path.stat().st_mtime_ns for path in (root / "source").rglob("*")} == before
        if os.geteuid() == 0:
            assert (root / "out/data/manifest.json").stat().st_uid == NOBODY
        for path in (root / "source").rglob("*"):  # so that who is not root can remove them
            path.chmod(0o777)
        (root / "source").chmod(0o777)
