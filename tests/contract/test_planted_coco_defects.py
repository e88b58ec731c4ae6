"""Every planted defect of a COCO data set is found by its own check, at its own place, at home and in a source."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_contract.check import check_dataset
from dataset_contract.findings import Finding, Report
from dataset_contract.layout import MANIFEST
from dataset_contract.sanitise import sanitise
from dataset_contract.stores import DirectoryStore
from tests.contract.defects_of_annotations import ANNOTATION_DEFECTS
from tests.contract.defects_of_images import IMAGE_DEFECTS
from tests.contract.defects_of_json import JSON_DEFECTS
from tests.contract.planting import TRAIN, TRAIN_1
from tests.contract.samples import SampleDataset, png

DEFECTS = JSON_DEFECTS | ANNOTATION_DEFECTS | IMAGE_DEFECTS


def check(root: Path) -> Report:
    return check_dataset(DirectoryStore(root), max_objects_per_image=15)


def is_sentence(text: str) -> bool:
    return text.endswith(".") and text == sanitise(text) and "Traceback" not in text and "\n" not in text


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found_where_it_is(tmp_path: Path, defect: str) -> None:
    plant, code, severity, path, image_id, annotation_id = DEFECTS[defect]
    sample = SampleDataset()
    plant(sample)
    report = check(sample.write(tmp_path))
    found = [finding for finding in report.findings if finding.code == code]
    assert found, [finding.code for finding in report.findings]
    assert {finding.severity.value for finding in found} == {severity}
    assert any(
        (path is None or finding.file == path)
        and finding.image_id == image_id
        and finding.annotation_id == annotation_id
        for finding in found
    ), found
    assert report.verdict == ("invalid" if severity == "error" else report.verdict)
    assert all(is_sentence(finding.message) and is_sentence(finding.fix) for finding in report.findings)


def test_more_defects_than_the_facts_name_are_tried() -> None:
    assert len(DEFECTS) >= 50


def replace(path: str, by: Callable[[Path], object]) -> Callable[[Path], object]:
    def plant(root: Path) -> None:
        (root / path).unlink()
        by(root / path)

    return plant


TRANSPORT: dict[str, tuple[Callable[[Path], object], str, str, str | None]] = {
    "manifest missing": (lambda r: (r / MANIFEST).unlink(), "MANIFEST_MISSING", "error", MANIFEST),
    "manifest empty": (lambda r: (r / MANIFEST).write_bytes(b""), "JSON_EMPTY", "error", MANIFEST),
    "manifest edited": (
        lambda r: (r / MANIFEST).write_text((r / MANIFEST).read_text().replace('"seed": 42', '"seed": 43')),
        "MANIFEST_VERSION_WRONG",
        "error",
        MANIFEST,
    ),
    "file missing": (lambda r: (r / TRAIN_1).unlink(), "FILE_MISSING", "error", TRAIN_1),
    "file of another size": (lambda r: (r / TRAIN_1).write_bytes(png()[:-5]), "FILE_SIZE_DIFFERS", "error", TRAIN_1),
    "file of another content": (
        lambda r: (r / TRAIN_1).write_bytes((r / TRAIN_1).read_bytes()[:-1] + b"?"),
        "FILE_HASH_DIFFERS",
        "error",
        TRAIN_1,
    ),
    "annotations edited": (
        lambda r: (r / TRAIN).write_text((r / TRAIN).read_text().replace("60.25", "60.26", 1)),
        "FILE_HASH_DIFFERS",
        "error",
        TRAIN,
    ),
    "extra file": (lambda r: (r / "notes.txt").write_text("mine"), "FILE_EXTRA", "warning", "notes.txt"),
    "link out": (replace(TRAIN_1, lambda p: p.symlink_to("/etc/hostname")), "FILE_REFUSED", "error", TRAIN_1),
    "pipe": (replace(TRAIN_1, os.mkfifo), "FILE_REFUSED", "error", TRAIN_1),
    "folder for a file": (replace(TRAIN_1, lambda p: p.mkdir()), "FILE_MISSING", "error", TRAIN_1),
    "name in another case": (
        lambda r: (r / TRAIN_1).rename(r / "train/images/000001.PNG"),
        "FILE_MISSING",
        "error",
        TRAIN_1,
    ),
}


@pytest.mark.parametrize("defect", TRANSPORT)
def test_damage_on_the_way_is_found_by_the_manifest(tmp_path: Path, defect: str) -> None:
    plant, code, severity, path = TRANSPORT[defect]
    root = SampleDataset().write(tmp_path)
    plant(root)
    found = [finding for finding in check(root).findings if finding.code == code]
    assert [(finding.severity.value, finding.file) for finding in found] == [(severity, path)]


def test_findings_hold_nothing_that_a_terminal_obeys_or_cannot_print() -> None:
    from dataset_contract.findings import FindingLog

    found = FindingLog(file="a\udcff")
    found.error("X", "\x1b[31mred\n \ud800 K\u00fcche.", "\u202eback.")
    (finding,) = found.findings()
    assert isinstance(finding, Finding)
    assert (finding.file, finding.message) == ("a\\udcff", "\\x1b[31mred\\n \\ud800 K\u00fcche.")
    assert finding.fix == "\\u202eback."


@settings(max_examples=60)
@given(st.data())
def test_no_bytes_in_any_file_cause_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    sample = SampleDataset()
    files = sample.all_files()
    path = data.draw(st.sampled_from(sorted(files)))
    old = files[path]
    start, removed = data.draw(st.integers(0, len(old))), data.draw(st.integers(0, 30))
    files[path] = old[:start] + data.draw(st.binary(max_size=30)) + old[start + removed :]
    root = tmp_path_factory.mktemp("fuzzed")
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    report = check(root)
    if path != MANIFEST:  # in which a further blank changes nothing
        assert bool(report.findings) == (files[path] != old)
    json.dumps(report.to_json(), ensure_ascii=False).encode()
