"""`python -m benchmarks.gpu` works before a GPU is there: dry, section by section, with what each told."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import step
from benchmarks.gpu.figures import Figure, tell, told
from benchmarks.gpu.page import page
from benchmarks.gpu.sections import SECTIONS
from benchmarks.measuring import RESULTS


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


def test_without_a_gpu_a_sentence_names_the_dry_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 2
    assert capsys.readouterr().err == ("PyTorch sees no GPU here: run this where there is one, or try it with --dry.\n")


@pytest.mark.parametrize("fitting", [2, 3, 11, 64, 200, 256])
def test_the_largest_batch_is_found_to_an_eighth(fitting: int, monkeypatch: pytest.MonkeyPatch) -> None:
    told_last: dict[str, object] = {}

    def measure(training: object, batch: int, dry: bool) -> tuple[float, float | None]:
        if batch > fitting:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB.")
        return 1.0, 2.0

    monkeypatch.setattr(step, "_training", lambda *_: Mock())
    monkeypatch.setattr(step, "_speed_and_memory", measure)
    step.batches(False, lambda name, value, *_, **__: told_last.update({name: value}))
    found = told_last["largest batch that fits of those tried"]
    assert isinstance(found, int)
    assert fitting * 7 / 8 - 1 <= found <= fitting


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
