"""Files are read in the exact form in which programs write them, and class numbers mean what the names say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from evaluation.dataset import EvaluatedDataset, load_dataset
from evaluation.detections import ModelDetections
from evaluation.refusal import EvaluationError, EvaluationUsageError
from evaluation.sources.names_option import parse_names
from evaluation.sources.reading import read_model
from terminal.console import Terminal
from tests.evaluation.datasets import BOXES, PLANS, ROOM, WALL, entries, write_dataset, write_json, write_labels

OWN = {WALL: WALL, ROOM: ROOM}
FROM_0, FROM_1 = {ROOM: 0, WALL: 1}, {ROOM: 1, WALL: 2}
"""Of a model whose data.yaml has the names room, wall."""
TEST = PLANS["test"]


@pytest.fixture
def dataset(tmp_path: Path) -> EvaluatedDataset:
    return load_dataset(write_dataset(tmp_path / "data"), "test")


def read(dataset: EvaluatedDataset, *sources: Path | str, names: str | None = None) -> ModelDetections:
    given = parse_names(names) if names is not None else None
    console = Terminal(stderr=True)
    return read_model("yolo", [*map(str, sources)], given, dataset, "test", needs_validation=True, console=console)


def all_found(found: ModelDetections, *, plans: int = len(TEST)) -> bool:
    """Whether each true box is found, with its class."""
    test = found.splits["test"]
    boxes = {label - 1: list(box) for label, box in BOXES.items()}
    right = all(box.tolist() == pytest.approx(boxes[label]) for label, box in zip(test.label, test.boxes, strict=True))
    return right and test.plan.tolist() == [plan for plan in range(plans) for _ in BOXES]


def ultralytics(numbers: dict[int, int], *, file_name: bool, number: bool) -> list[dict[str, Any]]:
    """predictions.json as `yolo val save_json=True` writes it: the stem as a number where it is one."""
    found = []
    for image_id in TEST:
        for entry in entries([image_id if number else f"{image_id:06d}"], numbers):
            name = {"file_name": f"{image_id:06d}.png"} if file_name else {}
            found.append({"image_id": entry["image_id"], **name} | entry)
    return found


def test_coco_results_with_the_data_sets_own_ids(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    path = write_json(tmp_path / "results.json", entries(TEST, OWN))
    assert all_found(read(dataset, path))


@pytest.mark.parametrize("number", [True, False])
@pytest.mark.parametrize(
    ("file_name", "numbers"),
    [(True, FROM_1), (False, FROM_1), (False, FROM_0)],
    ids=["since 2025-08", "since 2024-12", "before"],
)
def test_ultralytics_predictions(
    dataset: EvaluatedDataset, tmp_path: Path, *, file_name: bool, number: bool, numbers: dict[int, int]
) -> None:
    path = write_json(tmp_path / "predictions.json", ultralytics(numbers, file_name=file_name, number=number))
    assert all_found(read(dataset, path, names="room,wall"))


def test_the_order_of_data_yaml_decides(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text("nc: 2\nnames: [Rooms, Wall]\n")
    path = write_json(tmp_path / "predictions.json", ultralytics(FROM_1, file_name=True, number=True))
    assert all_found(read(dataset, path, names=str(tmp_path / "data.yaml")))


def test_ultralytics_labels_and_a_plan_without_a_file(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    folder = write_labels(tmp_path / "labels", TEST[:2], FROM_0)
    assert all_found(read(dataset, folder, names="room,wall"), plans=2)
    assert all_found(read(dataset, folder.parent, names="room,wall"), plans=2)  # the run's folder


def test_labels_that_an_editor_has_saved(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    folder = write_labels(tmp_path / "labels", PLANS["test"], FROM_0)
    for path in folder.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(read(dataset, folder, names="room,wall").splits["test"]) == 2 * len(PLANS["test"])


def test_results_on_the_validation_split_may_be_a_file_of_their_own(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    test, val = write_json(tmp_path / "t.json", entries(TEST, OWN)), tmp_path / "v.json"
    write_json(val, entries(PLANS["val"], OWN))
    found = read(dataset, test, val)
    assert all_found(found)
    assert len(found.splits["val"]) == 2 * len(PLANS["val"])
    with pytest.raises(EvaluationError, match=r"t\.json and .*t\.json both have the plan 23, as the model yolo"):
        read(dataset, test, test)


def test_numbers_that_fit_another_order_only_are_refused_with_both_readings(
    dataset: EvaluatedDataset, tmp_path: Path
) -> None:
    path = write_json(tmp_path / "predictions.json", ultralytics(FROM_1, file_name=False, number=True))
    with pytest.raises(EvaluationError) as refusal:
        read(dataset, path)
    assert "F1 0.000 if 1 = wall, 2 = room; F1 1.000 if 1 = room, 2 = wall" in str(refusal.value)
    assert "--names NAME=room,wall" in str(refusal.value)


def test_the_data_sets_own_ids_may_come_with_the_names_of_files(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    path = tmp_path / "predictions.json"
    assert all_found(read(dataset, write_json(path, ultralytics(OWN, file_name=True, number=True))))
    write_json(path, ultralytics(FROM_1, file_name=True, number=True))
    with pytest.raises(EvaluationError, match=r"F1 0\.000 if 1 = wall, 2 = room; F1 1\.000 if 1 = room, 2 = wall"):
        read(dataset, path)


@pytest.mark.parametrize("numbers", [FROM_0, {WALL: 0, ROOM: 1}, {WALL: 7, ROOM: 8}])
def test_numbers_that_are_not_the_data_sets_ids_need_names(
    dataset: EvaluatedDataset, tmp_path: Path, numbers: dict[int, int]
) -> None:
    path = write_json(tmp_path / "predictions.json", entries(TEST, numbers))
    with pytest.raises(EvaluationError, match="name its classes in the order"):
        read(dataset, path)


def test_two_readings_that_both_fit_are_refused(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    both = [entry | {"category_id": number} for entry in entries(TEST, {WALL: 1, ROOM: 2}) for number in (1, 2)]
    with pytest.raises(EvaluationError, match=r"F1 0\.\d+ if 1 = wall, 2 = room; F1 0\.\d+ if 1 = room, 2 = wall"):
        read(dataset, write_json(tmp_path / "both.json", both))


def test_one_number_may_count_from_0_or_1_unless_it_is_named(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    path = write_json(tmp_path / "predictions.json", ultralytics({WALL: 1}, file_name=False, number=True))
    with pytest.raises(EvaluationError, match=r"only the class numbers 1, which may count from 0 or from 1"):
        read(dataset, path, names="room,wall")
    found = read(dataset, path, names="1:wall")
    assert set(found.splits["test"].label.tolist()) == {0}
    assert found.unknown_classes == ("room",)


def test_a_class_that_only_one_side_knows_is_told(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    door = [entry | {"category_id": 3} for entry in entries(TEST, {ROOM: 1})]
    path = write_json(tmp_path / "predictions.json", entries(TEST, {ROOM: 1}) + door)
    found = read(dataset, path, names="1:room,3:door")
    assert (found.unknown_classes, found.further_classes) == (("wall",), ("door",))
    assert set(found.splits["test"].label.tolist()) == {1}


def test_names_that_the_data_set_does_not_have_are_refused(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    path = write_json(tmp_path / "predictions.json", entries(TEST, OWN))
    with pytest.raises(EvaluationError, match=r"knows none of the data set's classes \(wall, room\), but cat, dog"):
        read(dataset, path, names="1:cat,2:dog")


def test_too_few_names_are_refused(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    path = write_json(tmp_path / "predictions.json", entries(TEST, {WALL: 1, ROOM: 5}))
    with pytest.raises(EvaluationError, match="the class numbers 1, 5, counted from 0 or 1, and 2 names are given"):
        read(dataset, path, names="room,wall")


def test_which_number_comes_first_is_said_where_names_do_not_fit(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    found = [entry | {"file_name": f"{int(entry['image_id']):06d}.png"} for entry in entries(TEST, {WALL: 0, ROOM: 1})]
    path = write_json(tmp_path / "predictions.json", found)
    with pytest.raises(
        EvaluationError, match=r"counted from 1, and 2 names are given: .*, or each number, as in 0:room"
    ):
        read(dataset, path, names="room,wall")


@pytest.mark.parametrize(
    "text", ["room,room", "room,,wall", "1:room,1:wall", "room,rooms", "1:room,wall", "1:", f"{'1' * 5_000}:room"]
)
def test_names_that_are_not_names_are_wrong_usage(text: str) -> None:
    with pytest.raises(EvaluationUsageError, match="each once"):
        parse_names(text)


def test_other_images_are_counted_and_named(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    path = write_json(tmp_path / "results.json", entries([23, 777, 123, "kitchen"], OWN))
    with pytest.raises(
        EvaluationError, match=r"about other images: 2 of its 4 are plans of .*, the others are not \(777, kitchen\);"
    ):
        read(dataset, path)
    folder = write_labels(tmp_path / "labels", [23, 4], FROM_0)
    with pytest.raises(EvaluationError, match=r"1 of its 2 are plans of .*, the others are not \(000004\.txt\)"):
        read(dataset, folder, names="room,wall")


def test_the_name_of_a_file_decides_whatever_its_number(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    named = [entry | {"file_name": "C:\\plans\\000123.png"} for entry in entries([23], OWN)]
    found = read(dataset, write_json(tmp_path / "results.json", named), names="wall,room")
    assert set(found.splits["test"].plan.tolist()) == {1}
    other = [entry | {"file_name": "kitchen.png"} for entry in entries([23], OWN)]
    with pytest.raises(EvaluationError, match=r"0 of its 1 are plans of .*, the others are not \(kitchen\)"):
        read(dataset, write_json(tmp_path / "other.json", other), names="wall,room")


def test_a_number_that_could_mean_two_plans_is_refused(tmp_path: Path) -> None:
    path = write_dataset(tmp_path) / "test" / "annotations.json"
    path.write_text(path.read_text().replace("images/000023.png", "images/000005.png"))
    with pytest.raises(EvaluationError, match=r"two plans that results could mean by 23 or 'images/000005\.png'"):
        load_dataset(tmp_path, "test")


def test_results_of_another_split_are_refused(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    path = write_json(tmp_path / "results.json", entries(PLANS["val"], OWN))
    with pytest.raises(EvaluationError, match=r"no detection on the split test, only on val: .* --split val"):
        read(dataset, path)


ENTRY = {"image_id": 23, "category_id": 1, "bbox": [10, 10, 20, 20], "score": 0.5}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[]", "holds no detections"),
        ("{}", "holds an object, not a list of detections"),
        ("[{", "since it is not JSON"),
        (b"\xff\xfe", "since it is not UTF-8"),
        ('[{"image_id": 23, "category_id": 1, "bbox": [1, 1, 2, 2], "score": NaN}]', "since it holds NaN"),
        ([ENTRY | {"score": 1.5}], "entry 1, has the score 1.5: scores must be from 0 to 1"),
        ([ENTRY | {"score": "high"}], "entry 1, needs a box of four numbers and a score"),
        ([ENTRY | {"score": True}], "entry 1, needs a box of four numbers and a score"),
        ([ENTRY | {"bbox": [1, 2, 3]}], "entry 1, needs a box of four numbers"),
        (
            [ENTRY, ENTRY | {"bbox": [10, 10, 500, 20]}],
            "entry 2, has the box [10, 10, 500, 20], outside of its plan of",
        ),
        ([ENTRY | {"bbox": [-100, 10, 20, 20]}], "outside of its plan"),
        ([ENTRY | {"bbox": [10, 10, -20, 20]}], "outside of its plan"),
        ([ENTRY | {"category_id": "wall"}], "entry 1, has the image_id 23, the category_id 'wall'"),
        ([ENTRY | {"image_id": None}], "entry 1, has the image_id nothing"),
        ([{"image_id": 23}], "entry 1, lacks one of image_id, category_id, bbox and score"),
        ([ENTRY | {"id": 1}, ENTRY | {"id": 1}], "entry 2, has the id 1 of an earlier entry"),
    ],
)
def test_a_results_file_that_cannot_be_used_is_refused_in_one_sentence(
    dataset: EvaluatedDataset, tmp_path: Path, content: str | bytes | list[object], sentence: str
) -> None:
    path = tmp_path / "results.json"
    if isinstance(content, list):
        write_json(path, content)
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(EvaluationError, match=re.escape(sentence)) as refusal:
        read(dataset, path, names="1:wall")
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("0 0.5 0.5 0.1 0.1", "line 1, has no confidence: write the labels again with save_conf=True"),
        ("0 0.5 0.5 0.1 0.1 0.9 7", "line 1, is not a class's index, four numbers and a confidence"),
        ("room 0.5 0.5 0.1 0.1 0.9", "line 1, is not a class's index"),
        ("0.5 0.5 0.5 0.1 0.1 0.9", "line 1, is not a class's index"),
        ("-1 0.5 0.5 0.1 0.1 0.9", "line 1, is not a class's index"),
        ("inf 0.5 0.5 0.1 0.1 0.9", "line 1, is not a class's index"),
        ("0 0.5 0.5 0.1 0.1 nan", "line 1, needs a box of four numbers and a score"),
        ("0 250 100 20 20 0.9", "outside of its plan"),
        ("\xff", "is not text"),
        ("", "holds no detections"),
    ],
)
def test_labels_that_cannot_be_used_are_refused_in_one_sentence(
    dataset: EvaluatedDataset, tmp_path: Path, line: str, sentence: str
) -> None:
    (tmp_path / "000023.txt").write_bytes(line.encode("latin-1"))
    with pytest.raises(EvaluationError, match=re.escape(sentence)):
        read(dataset, tmp_path, names="room,wall")


def test_two_label_files_of_one_plan_are_refused(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    folder = write_labels(tmp_path / "labels", [23], FROM_0)
    (folder / "23.txt").write_bytes((folder / "000023.txt").read_bytes())
    with pytest.raises(EvaluationError, match=r"000023\.txt and 23\.txt are both of the plan 23"):
        read(dataset, folder, names="room,wall")


def test_a_folder_of_something_else_and_nothing_are_refused(dataset: EvaluatedDataset, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"has neither \.txt files"):
        read(dataset, tmp_path)
    with pytest.raises(EvaluationError, match="does not exist"):
        read(dataset, tmp_path / "nowhere.json")
    with pytest.raises(EvaluationError, match=r"x cannot be read \(File name too long\)"):
        read(dataset, tmp_path / ("x" * 300))


@pytest.mark.parametrize("content", [b"", b"not an archive", b"\x1f\x8b\x08\x00cut off"])
def test_a_damaged_or_foreign_archive_is_refused(dataset: EvaluatedDataset, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.tar.gz"
    path.write_bytes(content)
    with pytest.raises(
        EvaluationError, match=r"model\.tar\.gz is not a model that can be read: the archive is damaged"
    ):
        read(dataset, path)


def test_a_split_without_boxes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"The split test of .* has no boxes to find"):
        load_dataset(write_dataset(tmp_path / "data", boxes=False), "test")


def test_a_data_set_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"annotations\.json cannot be read"):
        load_dataset(tmp_path, "test")
    with pytest.raises(EvaluationError, match=r"x cannot be read \(File name too long\)"):
        load_dataset(tmp_path / ("x" * 300), "test")
