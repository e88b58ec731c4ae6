"""COCO files with another machine's paths find their own images, by suffix and never by base name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_contract.findings import FindingLog, Severity
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.sources import stale_paths
from dataset_prep.sources.coco import read_coco
from dataset_prep.sources.coco_files import find_annotations
from dataset_prep.sources.source import Source
from dataset_prep.sources.stale_paths import PathSuffixes, path_of_address

MakeImage = Callable[..., Path]
STALE = "/kaggle/input/cubicasa5k/cubicasa5k/cubicasa5k"


def coco(*names: str, first_id: int = 1, categories: tuple[str, ...] = ("wall", "room")) -> dict[str, Any]:
    """A COCO file with one image of 40 x 30 for each name, and one box of each category on it."""
    images = [
        {"id": first_id + index, "file_name": name, "width": 40, "height": 30} for index, name in enumerate(names)
    ]
    annotations = [
        {
            "id": 100 * image["id"] + category,  # type: ignore[operator]
            "image_id": image["id"],
            "category_id": category,
            "bbox": [1, 2, 10, 5],
            "area": 50,
            "iscrowd": 0,
        }
        for image in images
        for category in range(1, len(categories) + 1)
    ]
    return {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": index, "name": name} for index, name in enumerate(categories, start=1)],
    }


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def codes(source: Source) -> list[str]:
    return [finding.code for finding in source.findings if finding.severity is not Severity.INFO]


def test_stale_paths_find_their_own_images(tmp_path: Path, make_image: MakeImage) -> None:
    for name in ("colorful/1", "colorful/11", "high_quality/1"):
        make_image(f"plans/{name}/F1_original.png")
    names = [f"{STALE}/{name}/F1_original.png" for name in ("high_quality/1", "colorful/11", "colorful/1")]
    path = write(tmp_path / "train_coco_pt.json", coco(*names))
    source = read_coco([path], [tmp_path / "plans"])
    found = {image.image_id: image.path.relative_to(tmp_path / "plans").parent.as_posix() for image in source.images}
    assert found == {1: "high_quality/1", 2: "colorful/11", 3: "colorful/1"}
    assert codes(source) == []


def test_a_base_name_that_fits_many_images_is_ambiguous_with_the_candidates_named(
    tmp_path: Path, make_image: MakeImage
) -> None:
    for number in (1, 2):
        make_image(f"plans/{number}/F1_original.png")
    path = write(tmp_path / "a.json", coco("elsewhere/F1_original.png", "x/2/F1_original.png"))
    source = read_coco([path], [tmp_path / "plans"])
    assert codes(source) == ["IMAGE_AMBIGUOUS"]
    assert "fits 2 files" in source.findings[0].message
    assert [image.image_id for image in source.images] == [2]


def test_a_missing_image_is_not_asked_for_among_those_of_other_plans(tmp_path: Path, make_image: MakeImage) -> None:
    for number in (1, 2):
        make_image(f"plans/colorful/{number}/F1_original.png")
    path = write(tmp_path / "a.json", coco("x/colorful/3/F1_original.png", "x/colorful/2/F1_original.png"))
    finding = read_coco([path], [tmp_path / "plans"]).findings[0]
    assert "by its base name only, in other folders, fits 2 files" in finding.message
    assert finding.fix.startswith("Add the image if it is missing")


def test_the_image_that_is_spelled_differently_is_named_alone(tmp_path: Path, make_image: MakeImage) -> None:
    for number in (1, 2, 3):
        make_image(f"plans/colorful/{number}/F1_original.png")
    path = write(tmp_path / "a.json", coco("x/Colorful/3/f1_ORIGINAL.png", "x/colorful/2/F1_original.png"))
    finding = read_coco([path], [tmp_path / "plans"]).findings[0]
    assert finding.code == "IMAGE_MISSING"
    assert "there is" in finding.message and finding.message.count("F1_original.png") == 1
    assert "colorful/3/F1_original.png, which is spelled differently" in finding.message


def test_many_images_never_share_one_image(tmp_path: Path, make_image: MakeImage) -> None:
    make_image("plans/F1_original.png")
    path = write(tmp_path / "a.json", coco("x/1/F1_original.png", "x/2/F1_original.png"))
    source = read_coco([path], [tmp_path / "plans"])
    assert codes(source) == ["IMAGE_FILE_TWICE"]


def test_a_missing_image_is_an_error(tmp_path: Path, make_image: MakeImage) -> None:
    make_image("plans/a.png")
    path = write(tmp_path / "a.json", coco("a.png", "b.png"))
    assert codes(read_coco([path], [tmp_path / "plans"])) == ["IMAGE_MISSING"]


def test_images_beyond_the_limit_need_not_be_there(tmp_path: Path, make_image: MakeImage) -> None:
    make_image("plans/a.png")
    make_image("plans/b.png")
    path = write(tmp_path / "a.json", coco("a.png", "b.png", "not downloaded.png"))
    source = read_coco([path], [tmp_path / "plans"], limit=2)
    assert ([image.image_id for image in source.images], source.findings) == ([1, 2], [])
    assert codes(read_coco([path], [tmp_path / "plans"], limit=3)) == ["IMAGE_MISSING"]


def test_windows_paths_are_understood(tmp_path: Path, make_image: MakeImage) -> None:
    make_image("plans/a/b.png")
    path = write(tmp_path / "a.json", coco("D:\\data\\a\\b.png"))
    assert codes(read_coco([path], [tmp_path / "plans"])) == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("/data/local-files/?d=plans/a%20b.png", "plans/a b.png"),
        ("/data/local-files/?d=a.png", "a.png"),
        ("/storage-data/uploaded/?filepath=upload/1/a.png", "upload/1/a.png"),
        ("https://example.org/plans/%C3%A9.png?signature=a/b#c", "example.org/plans/é.png"),
        ("s3://plans/a.png", "plans/a.png"),
        ("plans/is it?.png", "plans/is it?.png"),
    ],
)
def test_the_path_that_an_address_means(name: str, path: str) -> None:
    assert path_of_address(name) == path


def test_a_file_that_is_called_like_an_address_is_found(tmp_path: Path, make_image: MakeImage) -> None:
    for name in ("a b.png", "a%20b.png", "c d.png"):
        make_image(f"plans/{name}")
    path = write(tmp_path / "a.json", coco("a%20b.png", "a b.png", "c%20d.png"))
    source = read_coco([path], [tmp_path / "plans"])
    assert [image.path.name for image in source.images] == ["a%20b.png", "a b.png", "c d.png"]


def test_two_entries_of_one_image_are_told_what_to_do(tmp_path: Path, make_image: MakeImage) -> None:
    make_image("plans/a.png")
    source = read_coco([write(tmp_path / "a.json", coco("a.png", "a.png"))], [tmp_path / "plans"])
    (finding,) = (finding for finding in source.findings if finding.code == "IMAGE_FILE_TWICE")
    assert finding.fix == "Keep one of the entries, and give its id to the other's annotations."


def test_classes_are_taken_by_name_in_every_file(tmp_path: Path, make_image: MakeImage) -> None:
    make_image("plans/a.png")
    make_image("plans/b.png")
    first = write(tmp_path / "instances_train.json", coco("a.png", categories=("wall", "room")))
    second = write(tmp_path / "instances_val2017.json", coco("b.png", first_id=2, categories=("Rooms", "Wall")))
    source = read_coco([first, second], [tmp_path / "plans"])
    assert [[box.label for box in image.boxes] for image in source.images] == [["wall", "room"], ["room", "wall"]]
    assert [image.official_split for image in source.images] == ["train", "val"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_ids_that_are_unique_in_each_file_only_are_given_anew_whatever_the_files_order(
    tmp_path: Path, make_image: MakeImage, order: tuple[int, ...]
) -> None:
    make_image("plans/a.png")
    make_image("plans/b.png")
    files = [write(tmp_path / f"{name}.json", coco(f"{name}.png", first_id=0)) for name in ("a", "b")]
    source = read_coco([files[index] for index in order], [tmp_path / "plans"])
    assert [(image.image_id, image.path.name, len(image.boxes)) for image in source.images] == [
        (1, "a.png", 2),
        (2, "b.png", 2),
    ]
    (finding,) = source.findings
    assert (finding.code, finding.severity) == ("IMAGE_IDS_RENUMBERED", Severity.INFO)
    assert "a.json, b.json" in finding.message


def test_a_picture_of_another_files_own_folder_is_not_taken_for_a_missing_one(
    tmp_path: Path, make_image: MakeImage
) -> None:
    make_image("plans/train/a.png")
    make_image("plans/valid/b.png")
    make_image("plans/valid/c.png")
    files = [
        write(tmp_path / "plans" / split / "_annotations.coco.json", coco(name, first_id=index))
        for index, (split, name) in enumerate((("train", "b.png"), ("valid", "c.png")))
    ]
    assert codes(read_coco(files, [tmp_path / "plans"])) == ["IMAGE_UNCERTAIN"]


def test_room_types_are_kept(tmp_path: Path, make_image: MakeImage) -> None:
    make_image("plans/a.png")
    content = coco("a.png")
    content["annotations"][1]["attributes"] = {"room_type": "Kitchen"}
    (image,) = read_coco([write(tmp_path / "a.json", content)], [tmp_path / "plans"]).images
    assert [box.room_type for box in image.boxes] == [None, "Kitchen"]


def test_coco_files_are_told_from_other_json(tmp_path: Path) -> None:
    wanted = [write(tmp_path / name, coco("a.png")) for name in ("a.json", "annotations/instances_train.json")]
    wanted.append(write(tmp_path / "train/_annotations.coco.json", {"info": {"x": "y" * 9000}, **coco("a.png")}))
    write(tmp_path / "package.json", {"name": "x"})
    write(tmp_path / "report.json", {"counts": {"images": 3, "annotations": 9}})
    write(tmp_path / "list.json", [1, 2])
    (tmp_path / "broken.json").write_text("{")
    assert find_annotations(tmp_path) == wanted


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"images": 3}', b'{"images": [NaN]}'])
def test_a_file_that_is_no_coco_is_refused_in_one_sentence(tmp_path: Path, make_image: MakeImage, data: bytes) -> None:
    make_image("plans/a.png")
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(PrepError, match=r"None of the images in .*a\.json can be used; the first problem: a\.json"):
        read_coco([tmp_path / "a.json"], [tmp_path / "plans"])


def test_missing_files_and_folders_without_images_are_wrong_usage(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", coco("a.png"))
    with pytest.raises(UsageError, match="does not exist"):
        read_coco([tmp_path / "b.json"], [tmp_path])
    with pytest.raises(UsageError, match="no image below"):
        read_coco([path], [tmp_path])


PARTS = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=4)


@settings(max_examples=40)
@given(files=st.sets(PARTS.map(tuple), min_size=1, max_size=8), chosen=st.data())
def test_a_full_path_below_any_prefix_finds_exactly_its_file(
    tmp_path_factory: pytest.TempPathFactory, files: set[tuple[str, ...]], chosen: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("tree")
    paths = {file: root.joinpath("plans", *file, "F1_original.png") for file in files}
    for path in paths.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    file = chosen.draw(st.sampled_from(sorted(files)))
    stale = f"/elsewhere/plans/{'/'.join(file)}/F1_original.png"
    assert PathSuffixes([root / "plans"], FindingLog()).find(stale) == [paths[file].resolve()]


def test_a_file_is_found_without_looking_at_all_that_are_called_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(100):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "F1_original.png").touch()
    files = PathSuffixes([tmp_path], FindingLog())
    counted = Mock(wraps=stale_paths._count_common)
    monkeypatch.setattr(stale_paths, "_count_common", counted)
    assert files.find("plans/7/F1_original.png") == [tmp_path.resolve() / "7" / "F1_original.png"]
    assert counted.call_count <= 2
    assert len(files.find("F1_original.png")) == 100


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=80)
@given(value=JSON, chosen=st.data())
def test_no_annotation_file_causes_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, value: object, chosen: st.DataObject
) -> None:
    """A good file, such as tools write, with one value anywhere in it replaced by another is read or refused."""
    root = tmp_path_factory.mktemp("fuzzed")
    (root / "a.png").touch()
    content: Any = coco("a.png", "b.png")
    content["info"] = {"contributor": "Label Studio"}
    content["categories"].append({"id": 0, "name": "all", "supercategory": "none"})
    content["categories"][0]["supercategory"] = "all"
    content["annotations"][0] |= {"attributes": {"rotation": 30}, "area": "50"}
    content["images"][1] |= {"width": None, "height": 30.0}
    place = content
    while True:
        key = chosen.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or chosen.draw(st.booleans()):
            break
        place = place[key]
    place[key] = value
    path = write(root / "a.json", content)
    try:
        source = read_coco([path], [root])
    except PrepError as refused:
        assert "\n" not in str(refused)
    else:
        assert {image.path.name for image in source.images} == {"a.png"}
