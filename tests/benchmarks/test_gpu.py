"""`python -m benchmarks.gpu` works before a GPU is there: dry, section by section, with what each told."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch

from benchmarks.fake_cuda import NoCompilerError, environment
from benchmarks.gpu import __main__ as command
from benchmarks.gpu import step, timing, training
from benchmarks.gpu.figures import Figure, tell, told
from benchmarks.gpu.page import page
from benchmarks.gpu.sections import SECTIONS
from benchmarks.measuring import RESULTS
from training_code.job.metric_lines import TRAINING_FIGURES, training_line


def test_all_sections_fit_into_the_eight_minutes() -> None:
    assert sum(section.seconds for section in SECTIONS.values()) <= command.LONGEST


def test_what_a_section_told_is_read_until_the_line_it_was_stopped_in(capsys: pytest.CaptureFixture[str]) -> None:
    tell("speed", 2, "images/s", at_least=3.0)
    tell("losses", [(10.0, 5.0)])
    tell("losses", [(10.0, 5.0), (20.0, 4.0)])
    tell("memory", float("nan"))
    lines = [*capsys.readouterr().out.splitlines(keepends=True), "some other line\n", 'figure: {"name": "cut']
    assert told(lines) == [
        Figure("speed", 2.0, "images/s", 3.0, "higher"),
        Figure("losses", [[10.0, 5.0], [20.0, 4.0]]),  # type: ignore[list-item]  # JSON has no tuples
        Figure("memory", "nan"),
    ]


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (Figure("speed", 2.0, limit=3.0, better="higher"), False),
        (Figure("speed", 3.0, limit=3.0, better="higher"), True),
        (Figure("memory", 4.0, limit=3.0), False),
        (Figure("memory", "needs a GPU", limit=3.0), None),
        (Figure("memory", 4.0), None),
    ],
)
def test_a_goal_is_met_from_its_limit_on(figure: Figure, met: bool | None) -> None:
    assert figure.met is met


def test_the_page_shows_figures_goals_curve_and_what_failed() -> None:
    section = {
        "figures": [Figure("speed", 2.0, "images/s", 3.0, "higher"), Figure("losses", [(1.0, 5.0), (2.0, 4.0)])],
        "seconds": 1.0,
        "failure": "ended with 1. <b>",
    }
    shown = page("Figures", ["a machine"], {"One": section})
    assert "2 images/s" in shown
    assert "≥ 3" in shown
    assert "1 goals missed, 1 sections without an end" in shown
    assert "losses: 5 at step 1, 4 at step 2" in shown
    assert "ended with 1. &lt;b&gt;" in shown


def test_a_section_is_stopped_with_what_it_started_when_its_time_is_over() -> None:
    section = command._run("training", dry=True, seconds=1.0)
    assert section["failure"].startswith("stopped after 1 s")
    assert section["seconds"] < 10


def test_output_that_is_no_text_does_not_end_the_other_sections(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nprintf '\\377 broken\\n'; exit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    assert command._run("step", dry=True, seconds=10.0)["failure"].endswith("The end of its output: \ufffd broken\n")


def test_a_training_that_is_stopped_in_its_last_epoch_has_a_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow GPU may not get to the end of it in its time."""
    figures = dict.fromkeys(TRAINING_FIGURES, 1.0)
    lines = [
        training_line(step=step, steps=300, epoch=1, figures={**figures, "images_per_second": speed})
        for step, speed in zip(range(10, 111, 10), [0.1, *[4.0] * 4, *[6.0] * 6], strict=True)
    ]
    process = Mock(stdout=iter(f"{line}\n" for line in lines), wait=Mock(return_value=-9), returncode=-9)
    monkeypatch.setattr(subprocess, "Popen", Mock(return_value=process))
    told_last: dict[str, object] = {}
    with pytest.raises(RuntimeError, match="ended with -9"):
        training._follow(Path("job"), False, lambda name, value, *_, **__: told_last.update({name: value}))
    assert told_last[training.SPEED] == 6.0


def test_without_a_gpu_a_sentence_names_the_dry_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert command.main([]) == 2
    assert capsys.readouterr().err == ("PyTorch sees no GPU here: run this where there is one, or try it with --dry.\n")


def test_a_build_without_cuda_is_told_from_a_machine_without_a_gpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    assert command.main([]) == 2
    assert "is a build without CUDA: on a machine with a GPU, `make clean setup` without" in capsys.readouterr().err


@pytest.mark.parametrize(("visible", "taken"), [(None, "0"), ("2,3", "2"), ("GPU-8c2f", "GPU-8c2f")])
def test_a_section_sees_one_gpu(visible: str | None, taken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert command._environment(dry=False)["CUDA_VISIBLE_DEVICES"] == taken


def test_what_was_measured_is_written_before_the_next_section(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {"figures": [Figure("speed", 2.0, "images/s")], "seconds": 1.0, "failure": None}
    monkeypatch.setattr(command, "_run", Mock(side_effect=[figures, KeyboardInterrupt]))
    with pytest.raises(KeyboardInterrupt):
        command.main(["--dry"], pages=tmp_path)
    (written,) = tmp_path.iterdir()
    assert "2 images/s" in written.read_text()


@pytest.mark.parametrize("program", ["exit 128", None], ids=["git refuses", "no git"])
def test_a_machine_whose_git_does_not_tell_the_commit_loses_nothing_measured(
    program: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if program:
        (tmp_path / "git").write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command._commit() == "an unknown commit"


def test_a_gpus_time_begins_once_the_host_has_started_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    class Event:
        def __init__(self, enable_timing: bool) -> None:
            assert enable_timing

        def record(self) -> None:
            done.append("record")

        def synchronize(self) -> None:
            done.append("wait")

        def elapsed_time(self, end: object) -> float:
            return 2.0  # milliseconds

    monkeypatch.setattr(timing, "ON_GPU", True)
    monkeypatch.setattr(timing, "WARM_UPS", 1)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "_sleep", lambda _: done.append("sleep"))
    assert timing.gpu_seconds(lambda: done.append("work")) == pytest.approx(2e-3)
    assert done == ["work", "sleep", "record", "work", "record", "wait"]


@pytest.mark.parametrize("fitting", [0, 1, 2, 3, 11, 64, 200, 256])
@pytest.mark.parametrize("words", ["CUDA out of memory. Tried to allocate 2 GiB.", "CUBLAS_STATUS_ALLOC_FAILED"])
def test_the_largest_batch_is_found_to_an_eighth(fitting: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told_last: dict[str, object] = {}

    def measure(training: object, batch: int, dry: bool) -> tuple[float, float | None]:
        if batch > fitting:
            raise RuntimeError(words)
        return 1.0, 2.0

    monkeypatch.setattr(step, "_training", lambda *_: Mock())
    monkeypatch.setattr(step, "_speed_and_memory", measure)
    monkeypatch.setattr("gc.collect", Mock())  # it goes through all of the test's own process
    step.batches(False, lambda name, value, *_, **__: told_last.update({name: value}))
    found = told_last["largest batch that fits of those tried"]
    if not fitting:
        assert found == "none: not even one image fits"
        return
    assert isinstance(found, int)
    assert fitting * 7 / 8 - 1 <= found <= fitting


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What is told, by name, of a step that computes nothing."""
    monkeypatch.setattr(step, "ON_GPU", True)
    for name in ("noise", "wait", "update"):
        monkeypatch.setattr(step, name, Mock())
    return {}


def test_pytorchs_word_about_its_warnings_is_no_synchronisation(
    as_on_a_gpu: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As torch/csrc/cuda/Module.cpp and c10/cuda/CUDAFunctions.cpp have them."""

    def set_mode(mode: str) -> None:
        if mode == "warn":
            warnings.warn(
                "Synchronization debug mode is a prototype feature and does not yet detect all synchronizing"
                " operations",
                stacklevel=1,
            )

    def update(*_: object) -> None:
        warnings.warn("called a synchronizing CUDA operation", stacklevel=1)

    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", set_mode)
    monkeypatch.setattr(step, "update", update)
    step._synchronises(Mock(), False, lambda name, value, *_, **__: as_on_a_gpu.update({name: value}))
    assert as_on_a_gpu["host synchronisations of an update"] == 1


def test_a_profiler_that_sees_nothing_meets_no_goal(
    as_on_a_gpu: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = Mock(__enter__=lambda _: SimpleNamespace(events=list), __exit__=Mock(return_value=None))
    monkeypatch.setattr(torch.profiler, "profile", lambda **_: profile)
    step._kernels(Mock(), False, lambda name, value, *_, **__: as_on_a_gpu.update({name: value}))
    assert str(as_on_a_gpu["kernels of an update"]).startswith("the profiler saw none")


@pytest.mark.faults
def test_a_dry_run_comes_to_the_end_of_each_section_and_writes_no_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(RESULTS.iterdir())
    assert command.main(["--dry"], pages=tmp_path) == 0, capsys.readouterr().out
    assert set(RESULTS.iterdir()) == before
    (written,) = tmp_path.iterdir()
    assert "dry run" in written.read_text()
    assert all(section.title in written.read_text() for section in SECTIONS.values())


@pytest.mark.faults
def test_the_sections_keep_to_one_device() -> None:
    try:
        device = environment()
    except NoCompilerError as error:
        pytest.skip(str(error))
    command_line = [sys.executable, "-m", "tests.benchmarks.gpu_sections"]
    done = subprocess.run(command_line, env={**device}, check=True, stdout=subprocess.PIPE, text=True)
    where: dict[str, list[str]] = json.loads(done.stdout)
    assert len(where) == 5
    assert all(found == ["cuda"] for found in where.values()), where
