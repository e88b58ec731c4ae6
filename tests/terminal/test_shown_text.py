"""Text from outside comes out fit to be shown, and nothing is written but at the places that see to that."""

import ast
import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from pipeline.errors import DatasetInvalid
from pipeline.step import Step

from dataset_contract.check import check_dataset
from dataset_contract.class_names import MAX_NAME_BYTES, class_name_problem
from dataset_contract.findings import Finding, Report, Severity
from dataset_contract.manifest import parse_manifest
from dataset_contract.report_html import report_page
from dataset_contract.stores import DirectoryStore
from dataset_prep.pages import page_environment
from demo.phases import PhaseProgress
from runs import __main__ as runs_command
from terminal.console import LONGEST_LINE, Terminal
from tests.contract.samples import SampleDataset
from tests.pipeline.conftest import context
from training_code import train
from training_code.dino.checkpoint_loading import LoadReport
from training_code.job.failures import write_failure

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = {
    "line end": "room\n[validation] step=9 epoch=1 ap=0.999",
    "carriage return": "room\r[validation] step=9 epoch=1 ap=0.999",
    "clear the screen": "\x1b[2J\x1b[H",
    "link": "\x1b]8;;http://a.example\x1b\\room\x1b]8;;\x1b\\",
    "C1": "a\x9b2Jb\x85c",
    "right to left": "a\u202eb\u2066c\u200f",
    "line separator": "a\u2028b\u2029c",
    "NUL and bell": "a\0\a\b",
    "half of a character": "a\ud800",
    "markup": "[red]:smile:[/red]",
    "very long": "a" * 1_000_000,
}


def a_step(text: str) -> str:
    def handle() -> dict[str, Any]:
        return {"sentence": text, text: [text]}

    result: dict[str, Any] = Step(handle)({"execution": context()}, None)
    (key,) = set(result) - {"sentence"}
    assert result[key] == [result["sentence"]]
    return str(result["sentence"])


def an_error_of_a_step(text: str) -> str:
    def handle() -> None:
        raise DatasetInvalid(text)

    with pytest.raises(DatasetInvalid) as refusal:
        Step(handle)({"execution": context()}, None)
    return str(refusal.value)


def on_a_terminal(text: str) -> str:
    out = io.StringIO()
    Terminal(file=out, width=80).print(text)
    return out.getvalue().removesuffix("\n")


def a_complaint(text: str) -> str:
    with redirect_stderr(io.StringIO()) as out:
        runs_command._complain(text)
    return out.getvalue().removesuffix("\n")


def in_the_log(text: str) -> str:
    with redirect_stdout(io.StringIO()) as out:
        train.log_line(text)
    return out.getvalue().removesuffix("\n")


def of_a_finding(text: str) -> str:
    finding = Finding(code="A", severity=Severity.ERROR, message=text, fix=text, file=text)
    assert finding.message == finding.fix
    assert str(finding.file).isprintable()
    assert "<script>" not in report_page(Report.of([finding], {"splits": {}}))
    return finding.message


def in_a_page(text: str) -> str:
    return page_environment().from_string("{{ text }}").render(text=text).replace("&#34;", '"').replace("&#39;", "'")


def in_the_demos_progress(text: str) -> str:
    out = io.StringIO()
    progress = PhaseProgress(Terminal(file=out), None, None)
    progress._last_line = -1e9
    progress.show(text)
    return out.getvalue().removesuffix("\n")


PLACES: dict[str, Callable[[str], str]] = {
    function.__name__: function
    for function in (
        a_step,
        an_error_of_a_step,
        on_a_terminal,
        a_complaint,
        in_the_log,
        of_a_finding,
        in_a_page,
        in_the_demos_progress,
    )
}


@pytest.mark.parametrize("attack", HOSTILE)
@pytest.mark.parametrize("place", PLACES)
def test_text_from_outside_is_one_printable_short_line(place: str, attack: str) -> None:
    shown = PLACES[place](HOSTILE[attack])
    assert shown.isprintable()
    assert len(shown) <= LONGEST_LINE
    if attack == "markup":
        assert shown.strip() == HOSTILE[attack]


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_failure_file_is_one_printable_line(attack: str, tmp_path: Path) -> None:
    write_failure(tmp_path / "failure", f"DATA: {HOSTILE[attack]}")
    text = (tmp_path / "failure").read_text()
    assert text.startswith("DATA: ")
    assert text.isprintable()
    assert len(text) <= 1024


def test_a_traceback_cannot_begin_a_line_of_figures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(_paths: object) -> int:
        raise KeyError("\n[validation] step=9 epoch=1 ap=0.999\x1b[2J") from ValueError("\n[train] step=1/2")

    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    monkeypatch.setattr(train, "_run", fail)
    assert train.main() == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert all(line.startswith("  ") and line.isprintable() for line in out.splitlines())


def test_names_of_tensors_cannot_begin_a_line() -> None:
    report = LoadReport(taken=[], unused=["a\n[validation] ap=0.999"])
    assert all(line.startswith(("Weights: ", "  ")) for line in report.lines())


@pytest.mark.parametrize("attack", [attack for attack in HOSTILE if attack != "markup"])
def test_the_contract_takes_no_such_class(attack: str, tmp_path: Path) -> None:
    name = HOSTILE[attack]
    assert class_name_problem(name) is not None
    sample = SampleDataset()
    for coco in sample.coco.values():
        coco["categories"][0]["name"] = name
    findings = check_dataset(DirectoryStore(sample.write(tmp_path))).findings
    expected = "JSON_LONE_SURROGATE" if attack == "half of a character" else "CATEGORY_NAME_INVALID"
    assert expected in {finding.code for finding in findings}


def test_a_manifest_names_no_such_class() -> None:
    data = SampleDataset().all_files()["manifest.json"].replace(b'"wall"', rb'"wall\u001b"')
    manifest, findings = parse_manifest(data)
    assert (manifest, findings[0].code) == (None, "MANIFEST_INVALID")


@pytest.mark.parametrize(
    "name", ["wall", "living room", "a" * MAX_NAME_BYTES, "Küche", "起居室", "wall/door (new) [2]"]
)
def test_names_in_use_are_taken(name: str) -> None:
    assert class_name_problem(name) is None


BORDERS = {
    "terminal/console.py": {"Console"},
    "training_code/train.py": {"sys.stdout.write"},
    "dataset_prep/pages.py": {"jinja2.Environment"},
    "evaluation/command.py": {"sys.stdout.write"},  # JSON, which escapes what is not ASCII
    "evaluation/baselines.py": {"traceback.print_exc"},  # to the training job, which logs each line sanitised
    # Before anything of the project is loaded, or of the command's own arguments: nothing from outside.
    "dataset_prep/run.py": {"sys.stderr.write"},
    "dataset_prep/samples.py": {"sys.stderr.write"},
    "training_code/job/failures.py": {"sys.stderr.write"},
}
WRITERS = {"print", "Console", "jinja2.Environment", "Environment", "sys.stdout.write", "sys.stderr.write"}


def test_nothing_is_written_but_at_these_places() -> None:
    packages = (
        "dataset_contract dataset_prep demo evaluation image_reader lambda prediction runs terminal training_code"
    )
    found: dict[str, set[str]] = {}
    for path in (path for package in packages.split() for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name in WRITERS or name.startswith("traceback.print_"):
                    found.setdefault(path.relative_to(ROOT).as_posix(), set()).add(name)
            elif isinstance(node, ast.ClassDef) and "Console" in map(ast.unparse, node.bases):
                found.setdefault(path.relative_to(ROOT).as_posix(), set()).add("Console")
    assert found == BORDERS


def test_what_the_encoding_of_standard_output_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding="ascii"))
    Terminal().print("küche")
    assert written.getvalue() == b"k\\xfcche\n"
