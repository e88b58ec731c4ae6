"""A data set that is refused is not left lying about as if it were one, and a dry run refuses it as well."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from dataset_prep.run import main


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A COCO file with a box that lies outside of its image."""
    folder = tmp_path / "source"
    (folder / "images").mkdir(parents=True)
    Image.new("RGB", (120, 80), "white").save(folder / "images" / "a.png")
    content = {
        "images": [{"id": 1, "file_name": "images/a.png", "width": 120, "height": 80}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [500, 500, 20, 20], "area": 400, "iscrowd": 0}
        ],
        "categories": [{"id": 1, "name": "wall"}],
    }
    (folder / "plans.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_refused_data_set_has_no_manifest_and_a_dry_run_says_the_same(
    source: Path, tmp_path: Path, *, dry_run: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    given = ["--source", str(source), "--classes", "wall", "--output", str(output), "--split", "1,0,0"]
    assert main([*given, *(["--dry-run"] if dry_run else [])]) == 1
    assert not (output / "manifest.json").exists()
    assert "outside" in capsys.readouterr().out.lower()
