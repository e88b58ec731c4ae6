"""Every planted defect of a YOLO data set is found where it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from dataset_prep.sources.yolo import read_yolo
from tests.prep.defects_of_yolo_labels import LABEL_DEFECTS
from tests.prep.defects_of_yolo_layouts import LAYOUT_DEFECTS
from tests.prep.yolo_tree import PrepareYolo, Tree

DEFECTS = LABEL_DEFECTS | LAYOUT_DEFECTS
WARNINGS = {
    "BOX_CLIPPED",
    "DUPLICATE_BOX",
    "FOLDER_WITHOUT_LABELS",
    "FOLDER_LINKED",
    "LABELS_ABSENT",
    "LABELS_MOSTLY_ABSENT",
    "IMAGE_IN_TWO_SPLITS",
    "SPLIT_FOLDER_ABSENT",
    "CLASSES_MERGED",
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found(tmp_path: Path, prepare_yolo: PrepareYolo, defect: str) -> None:
    plant, code, words = DEFECTS[defect]
    tree = Tree(tmp_path / "yolo")
    plant(tree)
    status, findings, error = prepare_yolo(tree.root)
    if code is None:
        assert status in {1, 2}
        assert words in error
        assert len(error.splitlines()) == 1
        return
    found = [finding for finding in findings if finding.code == code]
    assert found, f"{[finding.code for finding in findings]} {error}"
    assert any(words in finding.message for finding in found)
    expected = "warning" if code in WARNINGS else "error"
    assert {finding.severity for finding in found} == {expected}
    assert status == (1 if any(finding.severity == "error" for finding in findings) else 0)
    for finding in findings:
        assert finding.message.endswith(".") and finding.fix.endswith(".")


def test_more_defects_than_the_facts_name_are_tried() -> None:
    assert len(DEFECTS) >= 23


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path / "yolo")
    tree.make_image("train/images/locked/z.png")
    scandir = os.scandir

    def locked(path: Any = ".") -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    (finding,) = read_yolo(tree.root, None).findings
    assert (finding.code, finding.severity.value, finding.file) == ("FOLDER_UNREADABLE", "error", "locked")
