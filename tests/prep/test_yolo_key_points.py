"""A row of many numbers is a polygon or a box with key points: data.yaml or the person decides, never a guess."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataset_prep.sources.yolo import read_yolo
from dataset_prep.sources.yolo_labels import KeyPoints
from tests.prep.yolo_tree import LABELS, PrepareYolo, Tree, row, yaml

BOX = "0.7 0.7 0.2 0.2"
POSE_2 = f"{BOX} 0.6 0.6 0.8 0.6 0.8 0.8 0.6 0.8"
POSE_3 = f"{BOX} 0.6 0.6 2 0.8 0.6 1 0.8 0.8 2 0 0 0"
SEGMENT = "0.1 0.1 0.9 0.1 0.9 0.2 0.1 0.2"
AS_BOX = (24.0, 18.0, 8.0, 6.0)
SHAPED = "train: train/images\nval: valid/images\nnames: [wall, room]\nkpt_shape: "
FOUR = KeyPoints(4, 2)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Without boxes but those that a test writes."""
    tree = Tree(tmp_path / "yolo")
    for path in tree.root.rglob("labels/*.txt"):
        path.write_text("")
    return tree


def boxes(tree: Tree, key_points: KeyPoints | None = None) -> list[tuple[float, ...]]:
    source = read_yolo(tree.root, None, key_points=key_points)
    return [tuple(round(number, 2) for number in box.bbox) for image in source.images for box in image.boxes]


@pytest.mark.parametrize(("shape", "pose"), [("[4, 2]", POSE_2), ("[4, 3]", POSE_3), ("\n- 4\n- 3", POSE_3)])
def test_with_kpt_shape_the_first_four_numbers_are_the_box(tree: Tree, shape: str, pose: str) -> None:
    yaml(f"{SHAPED}{shape}")(tree)
    tree.write(LABELS, f"1 {pose}\n1 {BOX}")
    assert boxes(tree) == [AS_BOX, AS_BOX]


def test_a_row_of_another_length_than_kpt_shape_is_an_error(tree: Tree, prepare_yolo: PrepareYolo) -> None:
    yaml(f"{SHAPED}[3, 2]")(tree)
    tree.write(LABELS, f"1 {POSE_2}")
    _, findings, _ = prepare_yolo(tree.root)
    (finding,) = (finding for finding in findings if finding.code == "LABEL_LENGTH")
    assert finding.message == "train/labels/a.txt, line 1, has 13 numbers; with kpt_shape [3, 2] it has 11."


@pytest.mark.parametrize("pose", [POSE_2, POSE_3.replace("2", "1").replace("0.1 0.1", "0.2 0.2")])
def test_without_data_yaml_the_tool_asks(tree: Tree, prepare_yolo: PrepareYolo, pose: str) -> None:
    tree.remove("data.yaml").write("classes.txt", "wall\nroom\n").write(LABELS, f"1 {pose}\n1 {pose}")
    status, findings, _ = prepare_yolo(tree.root, "--split", "1,0,0")
    (finding,) = (finding for finding in findings if finding.code == "ROWS_AMBIGUOUS")
    assert (status, finding.severity.value) == (1, "error")
    assert "All 2 rows of more than six numbers could be polygons, or boxes with key points" in finding.message
    answer = "4,2" if pose == POSE_2 else "4,3"
    assert prepare_yolo(tree.root, "--split", "1,0,0", "--key-points", answer)[0] == 0
    assert prepare_yolo(tree.root, "--split", "1,0,0", "--key-points", "none")[0] == 0


def test_the_answer_is_what_is_read(tree: Tree) -> None:
    tree.remove("data.yaml").write("classes.txt", "wall\nroom\n").write(LABELS, f"1 {POSE_2}")
    assert boxes(tree, FOUR) == [AS_BOX]
    assert boxes(tree, KeyPoints(0, 2)) == [(8.0, 6.0, 24.0, 18.0)]


def test_with_a_data_yaml_that_names_no_key_points_it_is_a_warning(tree: Tree, prepare_yolo: PrepareYolo) -> None:
    tree.write(LABELS, f"1 {POSE_2}")
    status, findings, _ = prepare_yolo(tree.root)
    (finding,) = (finding for finding in findings if finding.code == "ROWS_AMBIGUOUS")
    assert (status, finding.severity.value) == (0, "warning")


@pytest.mark.parametrize("yaml_there", [True, False])
def test_polygons_and_oriented_boxes_stay_what_they_are(tree: Tree, *, yaml_there: bool) -> None:
    row(f"1 {POSE_2}\n1 {SEGMENT}")(tree)
    if not yaml_there:
        tree.remove("data.yaml").write("classes.txt", "wall\nroom\n")
    source = read_yolo(tree.root, None)
    assert not [finding for finding in source.findings if finding.code == "ROWS_AMBIGUOUS"]
    assert [box.bbox for box in source.images[0].boxes][1:] == [(8.0, 6.0, 24.0, 18.0), (4.0, 3.0, 32.0, 3.0)]


@pytest.mark.parametrize("given", ["4", "4,5", "x,2", "-1,2", "0,2", "4,2,1"])
def test_an_answer_that_means_nothing_is_refused(tree: Tree, prepare_yolo: PrepareYolo, given: str) -> None:
    with pytest.raises(SystemExit):
        prepare_yolo(tree.root, "--key-points", given)
