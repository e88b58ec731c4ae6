"""Which plans a command line names, and that the results of each have a name of their own."""

from __future__ import annotations

import re
from pathlib import Path

import boto3
import pytest
from PIL import Image

from prediction.command.plan_list import PlanList, list_plans
from prediction.places.errors import PlaceError
from prediction.plans.errors import PlanError
from tests.prediction.s3_bucket import Bucket


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with plans."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "plans/a.png",
        "plans/a.jpg",
        "plans/b/a.png",
        "plans/b/.hidden.png",
        "other/a.png",
        "plans/notes.txt",
    ):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    return tmp_path


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made = Bucket({"floors/1/a.png": b"1", "floors/2/a.png": b"2", "floors/2/notes.txt": b"", "one": b"3"})
    monkeypatch.setattr(boto3, "client", lambda _: made)
    return made


def listed(*inputs: str, to: str = "to") -> PlanList:
    return list_plans(inputs, Path(to))


def names(*inputs: str, to: str = "to") -> list[str]:
    found = listed(*inputs, to=to)
    assert not found.problems
    return [plan.name for plan in found.plans]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (["plans"], ["a.jpg", "a.png", "b/a.png"]),
        (["plans/"], ["a.jpg", "a.png", "b/a.png"]),
        (["plans/b/a.png"], ["a.png"]),
        (["plans/a.png", "plans/b/a.png"], ["a.png", "b/a.png"]),
        (["plans", "other"], ["plans/a.jpg", "plans/a.png", "plans/b/a.png", "other/a.png"]),
        (["plans", "plans/a.png", "./plans/../plans/a.png"], ["a.jpg", "a.png", "b/a.png"]),
        (["plans/**/*.png"], ["a.png", "b/a.png"]),
        (["*/a.png"], ["other/a.png", "plans/a.png"]),
        (["plans/notes.txt"], ["notes.txt"]),
    ],
)
def test_the_results_of_each_plan_have_a_name_of_their_own(inputs: list[str], expected: list[str]) -> None:
    assert names(*inputs) == expected


def test_an_absolute_path_and_a_relative_one_are_the_same(folder: Path) -> None:
    assert names(str(folder / "plans"), "plans/a.png") == ["a.jpg", "a.png", "b/a.png"]


def test_plans_in_s3_are_named_by_their_keys(bucket: Bucket) -> None:
    assert names("s3://b/floors") == names("s3://b/floors/") == ["1/a.png", "2/a.png"]
    assert names("s3://b/floors/1", "s3://b/floors/2") == ["1/a.png", "2/a.png"]
    assert names("s3://b/floors/1/a.png") == ["a.png"]
    [plan] = listed("s3://b/one").plans
    assert (plan.name, plan.read()) == ("one", b"3")
    bucket.claimed_size = 400_000_000
    [large] = listed("s3://b/one").plans
    with pytest.raises(PlanError, match="has 400,000,000 bytes, more than the 320,000,000 that are read"):
        large.read()
    del bucket.objects["one"]
    with pytest.raises(PlaceError, match="s3://b/one cannot be downloaded"):
        plan.read()


def test_an_object_whose_name_is_no_path_is_a_problem_beside_the_others(bucket: Bucket) -> None:
    bucket.objects |= {"floors/../../out.png": b"", "floors//2.png": b"", "floors/.../notes\n.txt": b""}
    found = listed("s3://b/floors")
    assert [plan.name for plan in found.plans] == ["1/a.png", "2/a.png"]
    assert found.problems == [
        "s3://b/floors/../../out.png has a name that leaves its folder by `..`: rename the object.",
        "s3://b/floors//2.png has a name that is absolute: rename the object.",
    ]


def test_two_plans_of_one_name_are_refused(bucket: Bucket) -> None:
    found = listed("plans/a.png", "s3://b/floors/1/a.png")
    assert [plan.place for plan in found.plans] == ["plans/a.png"]
    [problem] = found.problems
    assert "s3://b/floors/1/a.png would be written where plans/a.png is" in problem


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("none.png", "none.png does not exist: give a picture"),
        ("none/*.png", r"none/\*\.png matches no file: give a picture"),
        ("n" * 300, r"nnn cannot be read \(File name too long\): give a picture"),
        ("s3://b/none", r"s3://b/none cannot be downloaded \(404: Not Found\)"),
        ("s3://b", "does not name an object or a folder"),
    ],
)
def test_what_is_not_there_is_a_problem_beside_the_plans_that_are(bucket: Bucket, given: str, words: str) -> None:
    found = listed(given, "plans/a.png")
    [problem] = found.problems
    assert re.search(words, problem)
    assert [plan.place for plan in found.plans] == ["plans/a.png"]


def test_a_link_to_another_folder_is_said(folder: Path) -> None:
    (folder / "plans" / "far").symlink_to(folder / "other")
    found = listed("plans")
    assert len(found.plans) == 3
    [note] = found.notes
    assert "far is a symbolic link to a folder elsewhere" in note


def test_a_file_whose_name_has_a_star_is_taken_by_its_name(folder: Path) -> None:
    Image.new("L", (4, 4)).save(folder / "plan[1].png")
    assert names("plan[1].png") == ["plan[1].png"]
