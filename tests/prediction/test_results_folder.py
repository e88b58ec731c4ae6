"""What the folder of results promises: one command at a time, nothing outdated, nothing outside of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_contract.folder_lock import locked_folder
from prediction.command.errors import PredictionError, PredictionUsageError
from prediction.command.record import Record, write_record
from prediction.command.results_folder import ResultsFolder
from prediction.formats.result import PlanResult
from prediction.plans.errors import PlanError

SVG, RECORD = ".svg", ".prediction.json"


@pytest.fixture
def results(tmp_path: Path) -> ResultsFolder:
    return ResultsFolder(tmp_path)


def put(results: ResultsFolder, name: str, *, plan: str | None = None) -> Record:
    """Write the record of a plan, and the SVG that it tells of."""
    record = Record("key", PlanResult(plan or name, 10, 10, []), 0, {SVG: "its key"})
    results.path(name, RECORD).parent.mkdir(parents=True, exist_ok=True)
    results.path(name, SVG).touch()
    write_record(results.path(name, RECORD), record)
    return record


def names(results: ResultsFolder) -> set[str]:
    return {path.relative_to(results.root).as_posix() for path in results.root.rglob("*") if path.is_file()}


def test_one_command_writes_at_a_time(results: ResultsFolder) -> None:
    with (
        locked_folder(results.root),
        pytest.raises(PredictionUsageError, match=r"Another command writes to .*: wait"),
        results.opened(),
    ):
        pytest.fail("it was opened twice")
    with results.opened():
        pass


def test_a_folder_that_cannot_be_written_is_said_before_the_work(
    results: ResultsFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(PredictionError, match=r"cannot be written \(Permission denied\)"), results.opened():
        pytest.fail("it was opened")


def test_pages_that_a_plan_has_no_longer_leave_nothing(results: ResultsFolder) -> None:
    for name in ("b.pdf", "b.pdf/page-1", "b.pdf/page-2", "b.pdf/page-03", "b.pdf/page-4.png"):
        put(results, name)
    results.remove_other_pages("b.pdf", ["b.pdf/page-1"])
    left = {f"{name}{suffix}" for name in ("page-1", "page-03", "page-4.png") for suffix in (SVG, RECORD)}
    assert names(results) == {f"b.pdf/{name}" for name in left}
    results.remove_other_pages("b.pdf", ["b.pdf"])
    assert not results.path("b.pdf/page-1", SVG).exists()


def test_a_removal_that_is_interrupted_is_made_up_for(results: ResultsFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    record = put(results, "a.png")
    unlink, removed = Path.unlink, []

    def stop_at_the_second(path: Path, *, missing_ok: bool = False) -> None:
        removed.append(path)
        if len(removed) == 2:
            raise KeyboardInterrupt
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "unlink", stop_at_the_second)
        results.remove("a.png", record)
    again = results.read("a.png")
    assert again is not None, "nothing else tells which files belong to it"
    results.remove("a.png", again)
    assert names(results) == set()


def test_what_a_killed_command_left_half_written_is_removed(results: ResultsFolder) -> None:
    end = ".0123456789abcdef.tmp"
    ours = [f"b/.a.png.svg{end}", f"b/.a.png.prediction.json{end}", f".detections.csv{end}"]
    others = [f".manifest.json{end}", "b/.a.png.svg.tmp", "b/a.png.svg"]
    (results.root / "b").mkdir()
    for name in ours + others:
        (results.root / name).touch()
    with results.opened():
        results.read("b/a.png")
    assert names(results) == set(others)


def test_a_name_too_long_for_its_results_is_said_before_the_work(results: ResultsFolder) -> None:
    longest = "語" * 70 + ".png"
    put(results, longest)
    with pytest.raises(PlanError, match="has a name of 217 bytes, too long with the results' endings: rename it"):
        results.read("語" * 71 + ".png")
    assert results.read(longest) is not None


def test_names_that_the_file_system_takes_for_one_are_refused(results: ResultsFolder) -> None:
    put(results, "a.png", plan="A.png")  # as on a file system that ignores case
    with pytest.raises(PlanError, match=r"would be written where the results of A\.png are"):
        results.read("a.png")


def test_results_that_were_moved_are_not_those_of_the_plan(results: ResultsFolder) -> None:
    put(results, "a.png", plan="upper/a.png")
    assert results.read("a.png") is None
    assert names(results) == set()


def test_links_out_and_links_in_a_circle_are_refused(results: ResultsFolder, tmp_path: Path) -> None:
    inner = ResultsFolder(tmp_path / "to")
    record = put(inner, "a.png")
    (inner.root / "out").symlink_to(tmp_path)
    (inner.root / "b.pdf").symlink_to(tmp_path)
    (inner.root / "circle").symlink_to("circle")
    put(results, "page-1")
    with pytest.raises(PlanError, match="by a symbolic link there: remove the link"):
        inner.read("out/a.png")
    with pytest.raises(PlanError, match="by a symbolic link there: remove the link"):
        inner.remove_other_pages("b.pdf", ["b.pdf"])
    assert inner.read("circle/a.png") is None
    assert inner.read("a.png") == record
