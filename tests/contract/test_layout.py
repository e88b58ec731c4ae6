"""Names of the files of a data set, and which paths are acceptable."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_contract.layout import annotations_path, comparable, image_file_name, image_path, path_problem


def test_names() -> None:
    assert image_file_name(1) == "images/000001.png"
    assert image_file_name(12_345_678) == "images/12345678.png"
    assert image_path("val", 42) == "val/images/000042.png"
    assert annotations_path("test") == "test/annotations.json"


@pytest.mark.parametrize(
    "path", ["a", "train/images/000001.png", "images/Küche 1.png", "a..b/c", ".hidden", "100%.png"]
)
def test_acceptable_paths(path: str) -> None:
    assert path_problem(path) is None


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "empty"),
        ("/a", "absolute"),
        ("../a", "leaves"),
        ("a/../b", "leaves"),
        ("a//b", "empty part"),
        ("./a", "empty part"),
        ("a/", "empty part"),
        ("a\\b", "backslash"),
        ("C:/a", "drive"),
        ("c:a", "drive"),
        ("https://a/b", "URL"),
        ("s3://a/b", "URL"),
        ("a%2Fb", "%XX"),
        ("a\0", "control"),
        ("a\nb", "control"),
        ("~/a", "~"),
        ("a\u202eb", "unprintable"),
        ("a\ud800", "unprintable"),
        ("a" * 600, "longer"),
        (f"b/{'a' * 256}", "longer than 255 bytes"),
        ("é" * 128, "longer than 255 bytes"),
    ],
)
def test_refused_paths(path: str, why: str) -> None:
    assert why in (path_problem(path) or "")


@given(st.text(alphabet="ab./\\:%~C\0\n \u202e", max_size=8))
def test_an_acceptable_path_stays_below_its_root_on_every_system(path: str) -> None:
    if path_problem(path) is None:
        for flavour in (PurePosixPath, PureWindowsPath):
            pure = flavour(path)
            assert not pure.anchor and not pure.drive and ".." not in pure.parts


def test_names_are_compared_without_case_and_normal_form() -> None:
    assert comparable("Images/A.PNG") == comparable("images/a.png")
    assert comparable("K\u00fcche") == comparable("Ku\u0308che")
    assert comparable("a") != comparable("b")
