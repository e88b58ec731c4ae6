"""Every legitimate variant of a YOLO data set is read as it is meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from dataset_prep.sources.yolo import read_yolo
from tests.prep.yolo_tree import HALF, LABELS, YAML, Plant, PrepareYolo, Tree, row, yaml


def exif(orientation: int) -> Plant:
    def plant(tree: Tree) -> None:
        tags = Image.Exif()
        tags[0x0112] = orientation
        tree.remove("train/images/a.png")
        tree.make_image("train/images/a.jpg", exif=tags.tobytes(), size=(30, 40))

    return plant


def names(text: str) -> Plant:
    return yaml(YAML.replace("[wall, room]", text))


ALL = ("train/images/a", "train/images/b", "valid/images/c", "valid/images/d")
Objects = list[tuple[str, tuple[float, ...]]]
TWO: Objects = [("wall", (10.0, 4.5, 20.0, 3.0)), ("room", (10.0, 7.5, 20.0, 15.0)), ("wall", (6.0, 19.5, 4.0, 9.0))]
ONE: Objects = [("wall", (10.0, 7.5, 20.0, 15.0))] * 2
BACKGROUND: Objects = []


def swapped(tree: Tree) -> None:
    names("[room, wall]")(tree)
    for path in tree.root.rglob("labels/*.txt"):
        text = path.read_text()
        path.write_text(text.replace("0 0.5 0.2", "9").replace("1 0.5", "0 0.5").replace("9", "1 0.5 0.2"))
    tree.write(LABELS, f"1 0.5 0.2 0.5 0.1\n0 {HALF}\n1 0.2 0.8 0.1 0.3\n")


# name -> (what is written otherwise, the objects on train's a then; None means TWO)
VARIANTS: dict[str, tuple[Plant, Objects | None]] = {
    "as it is": (lambda t: None, None),
    # names
    "names as a list over lines": (names("\n- wall\n- room"), None),
    "names by integers": (names("\n  0: wall\n  1: room"), None),
    "names by texts": (names("{'0': wall, '1': room}"), None),
    "names with gaps": (names("{0: wall, 1: room, 7: door}"), None),
    "names with gaps and nc": (names("{0: wall, 1: room, 7: door}\nnc: 8"), None),
    "names out of order": (names("{1: room, 0: wall}"), None),
    "names and nc": (names("[wall, room]\nnc: 2"), None),
    "names in capitals": (names("[Wall, ROOM]"), None),
    "names in the plural": (names("[Walls, Rooms]"), None),
    "names with spaces": (names("[' wall ', 'room ']"), None),
    "order room, wall": (swapped, None),
    "more keys": (yaml(f"# plans\n{YAML}roboflow: {{a: b}}\ndownload: https://example.org\nlicense: x\n"), None),
    "names as a list of maps": (names("\n- 0: wall\n- 1: room"), None),
    "data.yaml one folder down": (lambda t: t.move("data.yaml", "set/data.yaml"), None),
    "the whole export one folder down": (
        lambda t: [t.move(name, f"set/{name}") for name in ("data.yaml", "train", "valid")],
        None,
    ),
    "classes.txt in labels": (
        lambda t: (t.remove("data.yaml"), t.write("train/labels/classes.txt", "wall\nroom")),
        None,
    ),
    "obj.names": (lambda t: (t.remove("data.yaml"), t.write("obj.names", "wall\nroom\n")), None),
    "_darknet.labels": (lambda t: (t.remove("data.yaml"), t.write("train/_darknet.labels", "wall\nroom")), None),
    "names in two files that agree": (lambda t: t.write("train/labels/classes.txt", "walls\nRooms\ndoor"), None),
    # splits
    "validation": (yaml(YAML.replace("val:", "validation:")), None),
    "valid": (yaml(YAML.replace("val:", "valid:")), None),
    "train as a list": (yaml(YAML.replace("train/images", "[train/images]")), None),
    "train as a text file": (
        lambda t: (
            t.write("t.txt", "train/images/a.png\ntrain/images/b.png"),
            yaml(YAML.replace("train/images", "t.txt"))(t),
        ),
        None,
    ),
    "train as a text file with dots and CRLF": (
        lambda t: (
            t.write("t.txt", "\ufeff./train/images/a.png\r\n./train/images/b.png\r\n"),
            yaml(YAML.replace("train/images", "./t.txt"))(t),
        ),
        None,
    ),
    "train one folder up": (yaml(YAML.replace("train/images", "../train/images")), None),
    "path stale": (yaml(YAML.replace("path: .", "path: /home/somebody/datasets/plans")), None),
    "path stale, of Windows": (yaml(YAML.replace("path: .", "path: 'C:\\data\\plans'")), None),
    "train stale": (yaml(YAML.replace("train/images", "/content/plans/train/images")), None),
    "no path": (yaml(YAML.replace("path: .\n", "")), None),
    "test empty": (yaml(YAML + "test:\n"), None),
    "names only": (yaml("names: [wall, room]"), None),
    "no yaml but classes.txt": (lambda t: (t.remove("data.yaml"), t.write("classes.txt", "wall\nroom\n")), None),
    "Classes.TXT": (lambda t: (t.remove("data.yaml"), t.write("Classes.TXT", "wall\nroom\n")), None),
    "classes.txt with CRLF": (lambda t: (t.remove("data.yaml"), t.write("classes.txt", "wall\r\nroom\r\n")), None),
    "yaml in UTF-16": (lambda t: t.write("data.yaml", YAML.encode("utf-16")), None),
    "yaml with BOM and CRLF": (yaml("\ufeff" + YAML.replace("\n", "\r\n")), None),
    "called dataset.yaml": (lambda t: t.move("data.yaml", "dataset.yaml"), None),
    "called by its own name, beside another": (
        lambda t: (t.move("data.yaml", "plans.yml"), t.write("hyp.yaml", "lr0: 0.01")),
        None,
    ),
    # where things lie
    "images before the split": (
        lambda t: (
            [t.move(f"{a}/{b}", f"{b}/{a}") for a in ("train", "valid") for b in ("images", "labels")],
            yaml("train: images/train\nval: images/valid\nnames: [wall, room]")(t),
        ),
        None,
    ),
    "another images above": (
        lambda t: (
            t.move("train", "images/train"),
            yaml(YAML.replace("train/images", "images/train/images"))(t),
        ),
        None,
    ),
    "Labels": (lambda t: t.move("train/labels", "train/Labels"), None),
    "IMAGES and LABELS": (
        lambda t: (
            [
                t.move(f"{split}/{name}", f"{split}/{name.upper()}")
                for split in ("train", "valid")
                for name in ("images", "labels")
            ],
            yaml(YAML.replace("images", "IMAGES"))(t),
        ),
        None,
    ),
    "labels beside the images": (
        lambda t: [t.move(f"{path}.txt".replace("images", "labels"), f"{path}.txt") for path in ALL],
        None,
    ),
    "upper-case ending": (lambda t: t.move("train/images/a.png", "train/images/a.PNG"), None),
    "JPEG as browsers of Windows save it": (
        lambda t: (
            t.remove("train/images/a.png"),
            t.make_image("train/images/a.jpg"),
            t.move("train/images/a.jpg", "train/images/a.jfif"),
        ),
        None,
    ),
    "unicode": (
        lambda t: (
            t.move("train/images/a.png", "train/images/aü \N{DOOR}.png"),
            t.move(LABELS, "train/labels/aü \N{DOOR}.txt"),
        ),
        None,
    ),
    "unicode, the label in its other form": (
        lambda t: (
            t.move("train/images/a.png", "train/images/a\u00fc.png"),
            t.move(LABELS, "train/labels/au\u0308.txt"),
        ),
        None,
    ),
    "spaces": (
        lambda t: (t.move("train/images/a.png", "train/images/a b.png"), t.move(LABELS, "train/labels/a b.txt")),
        None,
    ),
    "dots": (
        lambda t: (t.move("train/images/a.png", "train/images/a.v2.png"), t.move(LABELS, "train/labels/a.v2.txt")),
        None,
    ),
    "same stem, two endings": (lambda t: t.make_image("train/images/a.jpg", shade=30), None),
    "hidden files of macOS": (lambda t: t.write("train/images/._a.png", b"\0\5\x16\7"), None),
    "cache of Ultralytics": (lambda t: t.write("train/labels.cache", b"\x93NUMPY"), None),
    "no label file": (lambda t: t.remove(LABELS), BACKGROUND),
    "empty label file": (lambda t: t.write(LABELS, ""), BACKGROUND),
    "label file of blank lines": (lambda t: t.write(LABELS, "\n \n\t\n"), BACKGROUND),
    # rows
    "BOM": (lambda t: t.write(LABELS, f"\ufeff0 {HALF}\n0 {HALF}\n"), ONE),
    "UTF-16": (lambda t: t.write(LABELS, f"0 {HALF}\r\n0 {HALF}\r\n".encode("utf-16")), ONE),
    "CRLF": (lambda t: t.write(LABELS, f"0 {HALF}\r\n0 {HALF}\r\n"), ONE),
    "tabs": (lambda t: t.write(LABELS, f"0 {HALF}\n0\t0.5\t0.5\t0.5\t0.5"), ONE),
    "blank lines and spaces": (lambda t: t.write(LABELS, f"\n  0  {HALF}  \n\n0 {HALF}\n\n"), ONE),
    "class 0.0": (row(f"0.0 {HALF}"), ONE),
    "class 0e0": (row(f"0e0 {HALF}"), ONE),
    "class 1.0 and 1e0": (
        lambda t: t.write(LABELS, f"1.0 {HALF}\n1e0 0.5 0.5 0.25 0.25"),
        [("room", (10.0, 7.5, 20.0, 15.0)), ("room", (15.0, 11.25, 10.0, 7.5))],
    ),
    "numbers in exponents": (row("0 5e-1 .5 5.0E-1 +0.5"), ONE),
    "confidence": (row(f"0 {HALF} 0.93"), ONE),
    "track": (row(f"0 {HALF} 17"), ONE),
    "track 1": (row(f"0 {HALF} 1"), ONE),
    "polygon of three": (row("0 0.25 0.25 0.75 0.25 0.5 0.75"), ONE),
    "polygon of four, or oriented box": (row("0 0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75"), ONE),
    "polygon of five": (row("0 0.25 0.25 0.75 0.25 0.75 0.75 0.5 0.6 0.25 0.75"), ONE),
    "coordinates to 1.01": (row("0 0.5 0.5 1.01 1.01"), [ONE[0], ("wall", (0.0, 0.0, 40.0, 30.0))]),
    "coordinates from -0.01": (
        row("0 -0.01 -0.01 0.5 -0.01 0.5 0.5 -0.01 0.5"),
        [ONE[0], ("wall", (0.0, 0.0, 20.0, 15.0))],
    ),
    "centre at 1.01": (row("0 1.01 0.5 0.5 0.5"), [ONE[0], ("wall", (30.4, 7.5, 9.6, 15.0))]),
    **{f"EXIF orientation {number}": (exif(number), None) for number in (5, 6, 7, 8)},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_legitimate_variant_is_accepted(tmp_path: Path, prepare_yolo: PrepareYolo, variant: str) -> None:
    plant, objects = VARIANTS[variant]
    tree = Tree(tmp_path / "yolo")
    plant(tree)
    image = next(image for image in read_yolo(tree.root, None).images if image.path.name.startswith("a"))
    expected = TWO if objects is None else objects
    assert [box.label for box in image.boxes] == [label for label, _ in expected]
    for box, (_, bbox) in zip(image.boxes, expected, strict=True):
        assert box.bbox == pytest.approx(bbox)
    assert (image.width, image.height) == (40, 30)
    status, findings, error = prepare_yolo(tree.root, *(["--split", "1,0,0"] if "only" in variant else []))
    assert (status, [finding for finding in findings if finding.severity == "error"], error) == (0, [], "")


def test_more_variants_than_the_facts_name_are_tried() -> None:
    assert len(VARIANTS) >= 30


def test_classes_that_yaml_would_take_for_truth_values_keep_their_names(
    tmp_path: Path, prepare_yolo: PrepareYolo
) -> None:
    tree = Tree(tmp_path / "yolo")
    names("[no, on]")(tree)
    assert {box.label for image in read_yolo(tree.root, None).images for box in image.boxes} == {"no", "on"}
    status, findings, _ = prepare_yolo(tree.root, "--classes", "no,on")
    assert status == 0
    assert not [finding for finding in findings if finding.severity == "error"]


def test_nc_without_names_is_accepted_with_the_names_given(tmp_path: Path, prepare_yolo: PrepareYolo) -> None:
    tree = Tree(tmp_path / "yolo")
    yaml("train: train/images\nval: valid/images\nnc: 2")(tree)
    assert prepare_yolo(tree.root, "--classes", "wall,room")[0] == 0
