"""Every planted defect of a YOLO data set is found where it is, and every legitimate variant is read as it is meant."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataset_contract.findings import Finding, Report
from dataset_prep import run
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.sources.yolo import read_yolo
from tests.contract.samples import png

HALF = "0.5 0.5 0.5 0.5"
YAML = "path: .\ntrain: train/images\nval: valid/images\nnames: [wall, room]\n"
LABELS = "train/labels/a.txt"


class Tree:
    """A YOLO data set of four pictures of 40 x 30; two walls and a room on each. What changes it returns it."""

    def __init__(self, root: Path) -> None:
        """Writes it to `root`."""
        self.root = root
        self.write("data.yaml", YAML)
        for shade, name in enumerate(("train/{}/a", "train/{}/b", "valid/{}/c", "valid/{}/d"), start=1):
            self.picture(f"{name.format('images')}.png", shade=shade)
            self.write(f"{name.format('labels')}.txt", f"0 0.5 0.2 0.5 0.1\n1 {HALF}\n0 0.2 0.8 0.1 0.3\n")

    def write(self, path: str, text: str | bytes) -> Tree:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)
        return self

    def picture(self, path: str, *, shade: int = 9, size: tuple[int, int] = (40, 30), **save: Any) -> Tree:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (shade, 2 * shade, 3 * shade)).save(target, **save)
        return self

    def move(self, old: str, new: str) -> Tree:
        (self.root / new).parent.mkdir(parents=True, exist_ok=True)
        (self.root / old).rename(self.root / new)
        return self

    def remove(self, path: str) -> Tree:
        (self.root / path).unlink()
        return self

    def make(self, path: str, way: Callable[[Path], object]) -> Tree:
        way(self.root / path)
        return self


Plant = Callable[[Tree], object]


def yaml(text: str) -> Plant:
    return lambda tree: tree.write("data.yaml", text)


def row(text: str) -> Plant:
    return lambda tree: tree.write(LABELS, f"0 {HALF}\n{text}\n")


# name -> (plant, code of the finding or None for a refusal in one sentence, what its message says)
DEFECTS: dict[str, tuple[Plant, str | None, str]] = {
    # rows
    "pixel coordinates": (row("0 20 15 20 15"), "LABEL_IN_PIXELS", "a.txt, line 2"),
    "pixel coordinates, some small": (row("0 1 15 1 15"), "LABEL_IN_PIXELS", "a.txt, line 2"),
    "a polygon in pixels": (row("0 4 4 20 4 20 15"), "LABEL_IN_PIXELS", "a.txt, line 2"),
    "coordinate above 1.01": (row("0 1.02 0.5 0.1 0.1"), "LABEL_OUTSIDE", "coordinate 1.02"),
    "coordinate below -0.01": (row("0 0.5 -0.02 0.1 0.1"), "LABEL_OUTSIDE", "coordinate -0.02"),
    "polygon point outside": (row("0 0.1 0.1 1.2 0.1 0.5 0.5"), "LABEL_OUTSIDE", "coordinate 1.2"),
    "box beyond the picture": (row("0 0.95 0.5 0.5 0.5"), "BOX_CLIPPED", "a.txt, line 2"),
    "box wholly outside": (row("0 1.01 0.5 0.01 0.1"), "LABEL_OUTSIDE", "outside of the picture"),
    "no width": (row("0 0.5 0.5 0 0.5"), "LABEL_BOX_EMPTY", "without area"),
    "negative height": (row("0 0.5 0.5 0.5 -0.009"), "LABEL_BOX_EMPTY", "without area"),
    "polygon without area": (row("0 0.1 0.1 0.5 0.1 0.9 0.1"), "LABEL_BOX_EMPTY", "without area"),
    "four numbers": (row("0 0.5 0.5 0.5"), "LABEL_LENGTH", "has 4 numbers"),
    "eight numbers": (row("0 0.1 0.1 0.5 0.1 0.5 0.5 0.1"), "LABEL_LENGTH", "has 8 numbers"),
    "ten numbers": (row("0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5 0.9"), "LABEL_LENGTH", "has 10 numbers"),
    "class only": (row("0"), "LABEL_LENGTH", "has 1 numbers"),
    "sixth number no confidence": (row(f"0 {HALF} 17"), "LABEL_LENGTH", "no confidence"),
    "NaN": (row("0 nan 0.5 0.5 0.5"), "LABEL_NOT_A_NUMBER", "NaN"),
    "infinite": (row("0 0.5 1e999 0.5 0.5"), "LABEL_NOT_A_NUMBER", "infinite"),
    "class by name": (row(f"wall {HALF}"), "LABEL_NOT_A_NUMBER", "no number"),
    "commas": (row("0, 0.5, 0.5, 0.5, 0.5"), "LABEL_NOT_A_NUMBER", "no number"),
    "decimal commas": (row("0 0,5 0,5 0,5 0,5"), "LABEL_NOT_A_NUMBER", "no number"),
    "underscore": (row(f"0_1 {HALF}"), "LABEL_NOT_A_NUMBER", "no number"),
    "Arabic digits": (row(f"\N{ARABIC-INDIC DIGIT ONE} {HALF}"), "LABEL_NOT_A_NUMBER", "no number"),
    "negative class": (row(f"-1 {HALF}"), "LABEL_CLASS_INVALID", "class -1"),
    "half a class": (row(f"0.5 {HALF}"), "LABEL_CLASS_INVALID", "class 0.5"),
    "gigantic class": (row(f"1e300 {HALF}"), "LABEL_CLASS_INVALID", "class 1e300"),
    "class without a name": (row(f"2 {HALF}"), "CLASS_UNKNOWN", "class 2"),
    "the same row twice": (row(f"0 {HALF}"), "DUPLICATE_BOX", "the same class and box"),
    # label files
    "label in Latin-1": (
        lambda t: t.write(LABELS, "0 0.5 0.5 0.5 0.5 # Tür".encode("latin-1")),
        "LABEL_NOT_TEXT",
        "a.txt",
    ),
    "label in UTF-16": (lambda t: t.write(LABELS, f"0 {HALF}".encode("utf-16")), "LABEL_NOT_TEXT", "a.txt"),
    "label of zero bytes": (lambda t: t.write(LABELS, bytes(50)), "LABEL_NOT_A_NUMBER", "line 1"),
    "label in JSON": (lambda t: t.write(LABELS, '{"shapes": []}'), "LABEL_NOT_A_NUMBER", "line 1"),
    "label without picture": (lambda t: t.remove("train/images/b.png"), "LABEL_WITHOUT_IMAGE", "labels/b.txt"),
    "label beside its picture": (lambda t: t.move(LABELS, "train/images/a.txt"), "LABEL_MISPLACED", "labels/a.txt"),
    "label is a folder": (
        lambda t: (t.remove(LABELS), t.make(LABELS, Path.mkdir)),
        "LABEL_UNREADABLE",
        "a.txt is no regular file",
    ),
    "label is a dangling link": (
        lambda t: (t.remove(LABELS), t.make(LABELS, lambda p: p.symlink_to("nowhere"))),
        "LABEL_UNREADABLE",
        "a.txt is no regular file",
    ),
    "a split's labels not copied": (
        lambda t: (t.remove("valid/labels/c.txt"), t.remove("valid/labels/d.txt")),
        "FOLDER_WITHOUT_LABELS",
        "valid/images",
    ),
    # pictures
    "picture empty": (lambda t: t.write("train/images/a.png", b""), "IMAGE_BROKEN", "a.png is empty"),
    "picture truncated": (
        lambda t: t.write("train/images/a.png", (t.root / "train/images/a.png").read_bytes()[:-20]),
        "IMAGE_DAMAGED",
        "breaks off",
    ),
    "web page called PNG": (lambda t: t.write("train/images/a.png", "<html>404</html>"), "IMAGE_BROKEN", "a.png"),
    "picture gigantic": (
        lambda t: t.write("train/images/a.png", png(60_000, 60_000)),
        "IMAGE_BROKEN",
        "train/images/a.png",
    ),
    "picture is a pipe": (
        lambda t: (t.remove("train/images/a.png"), t.make("train/images/a.png", os.mkfifo)),
        "FILE_REFUSED",
        "no regular file",
    ),
    "picture is a link out": (
        lambda t: (
            t.move("train/images/a.png", "../elsewhere.png"),
            t.make("train/images/a.png", lambda p: p.symlink_to("../../../elsewhere.png")),
        ),
        "FILE_REFUSED",
        "leads out",
    ),
    "picture is a dangling link": (
        lambda t: (t.remove("train/images/a.png"), t.make("train/images/a.png", lambda p: p.symlink_to("nowhere"))),
        "FILE_REFUSED",
        "cannot be read",
    ),
    "folder is a link out": (
        lambda t: t.make("train/images/more", lambda p: p.symlink_to(t.root.parent)),
        "FOLDER_LINKED",
        "more is a symbolic link",
    ),
    "the same picture in two splits": (
        lambda t: t.write("valid/images/c.png", (t.root / "train/images/a.png").read_bytes()),
        "LEAKAGE_HEAVY",
        "in another split",
    ),
    "one picture for all": (
        lambda t: [
            t.write(f"{name}.png", (t.root / "train/images/a.png").read_bytes())
            for name in ("train/images/b", "valid/images/c", "valid/images/d")
        ],
        "ALL_IMAGES_IDENTICAL",
        "All 4 images",
    ),
    # data.yaml
    "two splits, one folder": (
        yaml("train: train/images\nval: train/images\nnames: [wall, room]"),
        "IMAGE_IN_TWO_SPLITS",
        "into train and into val",
    ),
    "split folder absent": (
        yaml("train: train/images\nval: nowhere/images\nnames: [wall, room]"),
        "SPLIT_FOLDER_ABSENT",
        "nowhere/images",
    ),
    "nc too small": (yaml(YAML + "nc: 1"), None, "nc: '1', but 2 names"),
    "nc too large": (yaml(YAML + "nc: 3"), None, "nc: '3', but 2 names"),
    "class name twice": (yaml(YAML.replace("room", "Wall")), "CLASS_NAME_TWICE", "both are wall"),
    "class name in two numbers": (yaml(YAML.replace("[wall, room]", "[wall, walls]")), "CLASSES_MERGED", "wall"),
    "class index twice": (yaml(YAML.replace("[wall, room]", "{0: wall, 0: room}")), None, "occurs twice"),
    "class index twice, written otherwise": (yaml(YAML.replace("[wall, room]", "{0: a, 00: b}")), None, "each once"),
    "key twice": (yaml(YAML + "names: [room, wall]"), None, "occurs twice"),
    "class without a name in yaml": (yaml(YAML.replace("[wall, room]", "[wall, ]")), "CLASS_UNKNOWN", "class 1"),
    "names one text": (yaml(YAML.replace("[wall, room]", "wall room")), None, "neither a list"),
    "names nested": (yaml(YAML.replace("[wall, room]", "[[wall], [room]]")), None, "neither a list"),
    "names by letters": (yaml(YAML.replace("[wall, room]", "{a: wall, b: room}")), None, "neither a list"),
    "negative class index": (yaml(YAML.replace("[wall, room]", "{-1: wall, 0: room}")), None, "neither a list"),
    "no names at all": (yaml("train: train/images"), None, "--classes wall,room"),
    "nc only, without the names": (yaml("train: train/images\nnc: 2"), None, "--classes wall,room"),
    "yaml broken": (yaml("names: [wall"), None, "data.yaml is not a YAML file"),
    "yaml in UTF-16": (lambda t: t.write("data.yaml", YAML.encode("utf-16")), None, "data.yaml is not a YAML file"),
    "train a map": (yaml("train: {a: b}\nnames: [wall]"), None, "no list of texts"),
    "yaml bomb": (
        yaml(
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{name}: &{name} [{','.join([f'*{chr(ord(name) - 1)}'] * 9)}]\n" for name in "bcdefghij")
            + "train: *j\nnames: [wall]"
        ),
        None,
        "no list of texts",
    ),
    "control characters in a name": (yaml(YAML.replace("room", '"\\e[31mroom"')), None, "neither a list"),
    "half a character in a name": (yaml(YAML.replace("room", '"\\ud800"')), None, "data.yaml"),
    "list names a missing picture": (
        lambda t: (t.write("t.txt", "train/images/a.png\ntrain/images/zz.png\n"), yaml(YAML_LIST)(t)),
        "IMAGE_MISSING",
        "zz.png",
    ),
    "list names a picture twice": (
        lambda t: (t.write("t.txt", "train/images/a.png\n./train/images/a.png\n"), yaml(YAML_LIST)(t)),
        "IMAGE_LISTED_TWICE",
        "one and the same picture",
    ),
    "list names a folder": (
        lambda t: (t.write("t.txt", "train/images/a.png\ntrain/images\n"), yaml(YAML_LIST)(t)),
        "IMAGE_MISSING",
        "lists train/images",
    ),
    "split folder is the whole disk": (
        yaml("train: train/images\nval: /\nnames: [wall, room]"),
        "SPLIT_FOLDER_ABSENT",
        "names / for val",
    ),
    "list is no text": (
        lambda t: (t.write("t.txt", b"\xff\xfe\x00"), yaml(YAML_LIST)(t)),
        None,
        "t.txt is not a text file",
    ),
}
YAML_LIST = "train: t.txt\nnames: [wall, room]\n"

WARNINGS = {
    "BOX_CLIPPED",
    "DUPLICATE_BOX",
    "FOLDER_WITHOUT_LABELS",
    "FOLDER_LINKED",
    "IMAGE_IN_TWO_SPLITS",
    "SPLIT_FOLDER_ABSENT",
    "CLASSES_MERGED",
}


@pytest.fixture
def prepare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, Sequence[Finding], str]]:
    """Runs the command line: the exit status, the findings, and what stands on standard error."""
    reports: list[Report] = []
    monkeypatch.setattr(run, "show_outcome", lambda console, options, prepared: reports.append(prepared.report))

    def go(root: Path, *more: str) -> tuple[int, Sequence[Finding], str]:
        split = () if "--split" in more else ("--split", "official")
        arguments = ["--source", root, "--format", "yolo", "--output", tmp_path / "d", "--workers", "1", *split, *more]
        status = run.main([str(argument) for argument in arguments])
        return status, reports[-1].findings if reports else [], capsys.readouterr().err.strip()

    return go


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found(tmp_path: Path, prepare: Any, defect: str) -> None:
    plant, code, words = DEFECTS[defect]
    tree = Tree(tmp_path / "yolo")
    plant(tree)
    status, findings, error = prepare(tree.root)
    if code is None:
        assert status in {1, 2}
        assert words in error
        assert len(error.splitlines()) == 1
        return
    found = [finding for finding in findings if finding.code == code]
    assert found, f"{[finding['code'] for finding in findings]} {error}"
    assert any(words in finding.message for finding in found)
    expected = "warning" if code in WARNINGS else "error"
    assert {finding.severity for finding in found} == {expected}
    assert status == (1 if any(finding.severity == "error" for finding in findings) else 0)
    for finding in findings:
        assert finding.message.endswith(".") and finding.fix.endswith(".")


def test_more_defects_than_the_facts_name_are_tried() -> None:
    assert len(DEFECTS) >= 23


def exif(orientation: int) -> Plant:
    def plant(tree: Tree) -> None:
        tags = Image.Exif()
        tags[0x0112] = orientation
        tree.remove("train/images/a.png")
        tree.picture("train/images/a.jpg", exif=tags.tobytes(), size=(30, 40))

    return plant


def names(text: str) -> Plant:
    return yaml(YAML.replace("[wall, room]", text))


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
    "classes.txt with CRLF": (lambda t: (t.remove("data.yaml"), t.write("classes.txt", "wall\r\nroom\r\n")), None),
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
    "upper-case ending": (lambda t: t.move("train/images/a.png", "train/images/a.PNG"), None),
    "unicode": (
        lambda t: (
            t.move("train/images/a.png", "train/images/aü \N{DOOR}.png"),
            t.move(LABELS, "train/labels/aü \N{DOOR}.txt"),
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
    "same stem, two endings": (lambda t: t.picture("train/images/a.jpg", shade=30), None),
    "hidden files of macOS": (lambda t: t.write("train/images/._a.png", b"\0\5\x16\7"), None),
    "cache of Ultralytics": (lambda t: t.write("train/labels.cache", b"\x93NUMPY"), None),
    "no label file": (lambda t: t.remove(LABELS), BACKGROUND),
    "empty label file": (lambda t: t.write(LABELS, ""), BACKGROUND),
    "label file of blank lines": (lambda t: t.write(LABELS, "\n \n\t\n"), BACKGROUND),
    # rows
    "BOM": (lambda t: t.write(LABELS, f"\ufeff0 {HALF}\n0 {HALF}\n"), ONE),
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
def test_a_legitimate_variant_is_accepted(tmp_path: Path, prepare: Any, variant: str) -> None:
    plant, objects = VARIANTS[variant]
    tree = Tree(tmp_path / "yolo")
    plant(tree)
    image = next(image for image in read_yolo(tree.root, None).images if image.path.name.startswith("a"))
    expected = TWO if objects is None else objects
    assert [box.label for box in image.boxes] == [label for label, _ in expected]
    for box, (_, bbox) in zip(image.boxes, expected, strict=True):
        assert box.bbox == pytest.approx(bbox)
    assert (image.width, image.height) == (40, 30)
    status, findings, error = prepare(tree.root, *(["--split", "1,0,0"] if "only" in variant else []))
    assert (status, [finding for finding in findings if finding.severity == "error"], error) == (0, [], "")


def test_more_variants_than_the_facts_name_are_tried() -> None:
    assert len(VARIANTS) >= 30


def test_classes_that_yaml_would_take_for_truth_values_keep_their_names(tmp_path: Path, prepare: Any) -> None:
    tree = Tree(tmp_path / "yolo")
    names("[no, on]")(tree)
    assert {box.label for image in read_yolo(tree.root, None).images for box in image.boxes} == {"no", "on"}
    status, findings, _ = prepare(tree.root, "--classes", "no,on")
    assert status == 0
    assert not [finding for finding in findings if finding.severity == "error"]


def test_nc_without_names_is_accepted_with_the_names_given(tmp_path: Path, prepare: Any) -> None:
    tree = Tree(tmp_path / "yolo")
    yaml("train: train/images\nval: valid/images\nnc: 2")(tree)
    assert prepare(tree.root, "--classes", "wall,room")[0] == 0


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree(tmp_path / "yolo")
    tree.picture("train/images/locked/z.png")
    scandir = os.scandir

    def locked(path: Any = ".") -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    (finding,) = read_yolo(tree.root, None).findings
    assert (finding.code, finding.severity.value, finding.file) == ("FOLDER_UNREADABLE", "error", "locked")


def refused_or_read(root: Path) -> None:
    """Reads a data set: whatever is in it, that ends in a source with findings or in one sentence."""
    try:
        source = read_yolo(root, None)
    except (PrepError, UsageError) as refused:
        assert str(refused) and "\n" not in str(refused)
        str(refused).encode()
    else:
        for finding in source.findings:
            assert f"{finding.message} {finding.fix} {finding.file}".encode()


fuzzed_rows = st.lists(
    st.lists(
        st.sampled_from(["0", "1", "0.5", "-0.01", "1.01", "2", "nan", "1e999", "-0", "", "\u2028", "x", "1_0", "\x00"])
        | st.floats().map(repr),
        max_size=11,
    ).map(" ".join),
    max_size=5,
).map("\n".join)


@settings(max_examples=60)
@given(label=fuzzed_rows.map(str.encode) | st.binary(max_size=80))
def test_no_label_file_causes_a_traceback(tmp_path_factory: pytest.TempPathFactory, label: bytes) -> None:
    tree = Tree(tmp_path_factory.mktemp("fuzzed"))
    tree.write(LABELS, label)
    refused_or_read(tree.root)


ODD = [
    *(
        "wall",
        "0",
        "''",
        "~",
        "true",
        "[]",
        "{}",
        "*a",
        "&a [x]",
        "!!python/object:os.system x",
        "../..",
        "/",
        "-1",
        ".",
    ),
    *("train/images", "1e9", "'\\0'", '"\\ud800"', '"\\e[0m"', "?", "2026-01-01", "0x10", "<<: x", "'", "x" * 5000),
]
scalars = st.sampled_from(ODD)
entries = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]")
        | st.lists(st.tuples(scalars, inner), max_size=3).map(
            lambda items: "{" + ", ".join(f"{key}: {value}" for key, value in items) + "}"
        )
    ),
    max_leaves=5,
)
yamls = st.lists(
    st.tuples(st.sampled_from(["names", "train", "val", "path", "nc", "test"]), entries),
    max_size=5,
    unique_by=lambda p: p[0],
).map(lambda items: "".join(f"{key}: {value}\n" for key, value in items).encode("utf-8", "replace"))


@settings(max_examples=100)
@given(content=yamls | st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_data_yaml_causes_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    tree = Tree(tmp_path_factory.mktemp("fuzzed"))
    tree.write("data.yaml", content)
    refused_or_read(tree.root)


@settings(max_examples=40)
@given(lines=st.lists(st.text(max_size=12) | st.sampled_from(["train/images/a.png", "..", "/", "x" * 300]), max_size=5))
def test_no_list_of_pictures_causes_a_traceback(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    tree = Tree(tmp_path_factory.mktemp("fuzzed"))
    tree.write("data.yaml", YAML_LIST)
    tree.write("t.txt", "\n".join(lines).encode("utf-8", "replace"))
    refused_or_read(tree.root)
