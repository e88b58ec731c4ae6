"""YOLO data sets are read in all their legitimate variants, and their defects are named with file and line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataset_contract.findings import Severity
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.sources.source import Source
from dataset_prep.sources.yolo import read_yolo
from dataset_prep.sources.yolo_labels import Row, parse_labels

MakeImage = Callable[..., Path]
HALF = "0.5 0.5 0.5 0.5"


@pytest.fixture
def make(tmp_path: Path, make_image: MakeImage) -> Callable[..., Path]:
    """Makes a data set: data.yaml with `yaml`, and images of 40 x 30 with the given label texts."""

    def build(yaml: str | None, **labels: str) -> Path:
        for name, text in (labels or {"train_a": f"0 {HALF}"}).items():
            split, _, stem = name.partition("_")
            make_image(f"{split}/images/{stem}.png")
            (tmp_path / split / "labels").mkdir(exist_ok=True)
            (tmp_path / split / "labels" / f"{stem}.txt").write_text(text, encoding="utf-8")
        if yaml is not None:
            (tmp_path / "data.yaml").write_text(yaml, encoding="utf-8")
        return tmp_path

    return build


def read(root: Path, classes: Sequence[str] | None = None) -> Source:
    return read_yolo(root, classes)


def labels(source: Source) -> list[str]:
    return [box.label for image in source.images for box in image.boxes]


def errors(source: Source) -> list[str]:
    return [finding.code for finding in source.findings if finding.severity is Severity.ERROR]


YAML = "train: train/images\n"


@pytest.mark.parametrize("yaml", [None, f"names: [wall, room]\n{YAML}val: val/images\n"])
def test_a_source_is_read_alike_however_its_folder_is_named(
    make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, yaml: str | None
) -> None:
    root = make(yaml, train_a=f"0 {HALF}", train_b="wrong", val_c="0 0.5 0.5 0 0.5")
    (root / "train/labels/lost.txt").write_text("")
    (root / "classes.txt").write_text("wall\nroom")
    Image.new("RGB", (4, 4)).save(root / "top.png")
    whole = read(root)
    assert {"LABEL_WITHOUT_IMAGE", "LABEL_NOT_A_NUMBER"} <= {finding.code for finding in whole.findings}
    for folder, name in ((root, "."), (root.parent, root.name), (root / "train", "..")):
        monkeypatch.chdir(folder)
        again = read(Path(name))
        assert again.findings == whole.findings
        assert [image.path.resolve() for image in again.images] == [image.path for image in whole.images]
        assert [(image.boxes, image.official_split) for image in again.images] == [
            (image.boxes, image.official_split) for image in whole.images
        ]


@pytest.mark.parametrize(
    "names",
    [
        "names: [wall, room]",
        "names: ['Walls', Rooms]",
        "names:\n  0: wall\n  1: room",
        "names: {'0': wall, '1': room}",
        "names:\n  1: room\n  7: other\n  0: wall",
        "nc: 2\nnames:\n- wall\n- room",
    ],
)
def test_classes_are_taken_by_name_however_they_are_written(make: Callable[..., Path], names: str) -> None:
    assert labels(read(make(YAML + names, train_a=f"0 {HALF}\n1 {HALF}"))) == ["wall", "room"]


def test_another_order_of_the_classes_changes_the_index_not_the_name(make: Callable[..., Path]) -> None:
    assert labels(read(make(YAML + "names: [room, wall]", train_a=f"0 {HALF}\n1 {HALF}"))) == ["room", "wall"]


def test_classes_that_yaml_takes_for_truth_values_keep_their_names(make: Callable[..., Path]) -> None:
    assert labels(read(make(YAML + "names: [no, on]", train_a=f"0 {HALF}\n1 {HALF}"))) == ["no", "on"]


def test_without_names_the_person_must_say_them(make: Callable[..., Path]) -> None:
    root = make(YAML + "nc: 2")
    with pytest.raises(UsageError, match="with --classes in the order of their numbers") as refused:
        read(root)
    assert "wall" not in str(refused.value), "an order that nobody knows is not advised"
    assert labels(read(root, ["wall", "room"])) == ["wall"]
    with pytest.raises(UsageError, match="nc: 2, but --classes names 1"):
        read(root, ["wall"])


def test_without_yaml_the_folders_and_classes_txt_are_enough(make: Callable[..., Path]) -> None:
    root = make(None, train_a=f"1 {HALF}", valid_b="", test_c=f"0 {HALF}")
    (root / "classes.txt").write_text("wall\nroom\n")
    source = read(root)
    assert [(image.official_split, [box.label for box in image.boxes]) for image in source.images] == [
        ("test", ["wall"]),
        ("train", ["room"]),
        ("val", []),
    ]


@pytest.mark.parametrize("key", ["val", "valid", "validation"])
def test_the_validation_split_goes_by_three_names(make: Callable[..., Path], key: str) -> None:
    source = read(make(f"train: train/images\n{key}: valid/images\nnames: [wall]", train_a="", valid_b=""))
    assert [image.official_split for image in source.images] == ["train", "val"]


@pytest.mark.parametrize(
    "train",
    [
        "train: ../train/images",
        "path: /home/somebody/datasets/plans\ntrain: train/images",
        "train: /content/datasets/plans/train/images",
        "train: [train/images]",
        "train: .\\train\\images",
        "train: list.txt",
        "path: .\ntrain: ./train/images/",
    ],
)
def test_paths_of_another_machine_are_found_again(make: Callable[..., Path], train: str) -> None:
    root = make(f"{train}\nnames: [wall]")
    (root / "list.txt").write_text("\ufeff./train/images/a.png\r\n\r\n", encoding="utf-8")
    source = read(root)
    assert [(image.official_split, len(image.boxes)) for image in source.images] == [("train", 1)]
    assert source.findings == []


def test_ids_count_from_1_in_the_order_of_the_paths(make: Callable[..., Path]) -> None:
    source = read(make(YAML + "val: valid/images\nnames: [wall]", valid_a="", train_b="", train_a=""))
    assert [(image.image_id, image.path.name, image.path.parts[-3]) for image in source.images] == [
        (1, "a.png", "train"),
        (2, "b.png", "train"),
        (3, "a.png", "valid"),
    ]


def test_unicode_spaces_and_upper_case_endings_are_fine(tmp_path: Path, make_image: MakeImage) -> None:
    make_image("images/Grundriß 1.PNG")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/Grundriß 1.txt").write_text(f"0 {HALF}")
    (tmp_path / "classes.txt").write_text("wall")
    assert labels(read(tmp_path)) == ["wall"]


@pytest.mark.parametrize(
    ("row", "bbox"),
    [
        ("0 0.5 0.5 0.5 0.5", (10, 7.5, 20, 15)),
        ("\n0\t0.5\t0.5 0.5  0.5\r", (10, 7.5, 20, 15)),
        ("\ufeff0 0.5 0.5 0.5 0.5", (10, 7.5, 20, 15)),
        ("0.0 0.5 0.5 0.5 0.5", (10, 7.5, 20, 15)),
        ("0e0 5e-1 .5 0.5 0.5", (10, 7.5, 20, 15)),
        ("0 0.5 0.5 0.5 0.5 0.93", (10, 7.5, 20, 15)),
        ("0 0.25 0.5 0.5 0.5 0.75 1", (10, 15, 20, 15)),
        ("0 0.25 0.5 0.5 0.5 0.5 1 0.25 1", (10, 15, 10, 15)),
        ("0 0.5 0.5 1.01 1", (0, 0, 40, 30)),
        ("0 -0.01 0.5 0.5 1.0", (0, 0, 9.6, 30)),
        ("0 1 1 1 1", (20, 15, 20, 15)),
    ],
)
def test_rows_of_every_kind_are_boxes(make: Callable[..., Path], row: str, bbox: tuple[float, ...]) -> None:
    source = read(make(YAML + "names: [wall]", train_a=f"{row}\n\n"))
    assert [box.bbox for box in source.images[0].boxes] == [bbox]
    assert errors(source) == []


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("0 20 15 20 15", "in pixels"),
        ("0 0 15 1 15", "in pixels"),
        ("0 0.5 0.5 1.2 0.5", "coordinate 1.2 outside"),
        ("0 -0.2 0.5 0.5 0.5", "coordinate -0.2 outside"),
        ("0 0.5 0.5 0 0.5", "without area"),
        ("0 0.5 0.5 nan 0.5", "NaN"),
        ("0 0.5 0.5 inf 0.5", "infinite"),
        ("0 0.5 0.5 0.5", "has 4 numbers"),
        ("0 0.1 0.2 0.3 0.4 0.5 0.6 0.7", "has 8 numbers"),
        ("wall 0.5 0.5 0.5 0.5", "not a number"),
        ("-1 0.5 0.5 0.5 0.5", "class -1"),
        ("0.5 0.5 0.5 0.5 0.5", "class 0.5"),
        ("3 0.5 0.5 0.5 0.5", "class 3, which has no name"),
        ("0, 0.5, 0.5, 0.5, 0.5", "not a number"),
    ],
)
def test_a_broken_row_is_an_error_with_file_and_line(make: Callable[..., Path], row: str, reason: str) -> None:
    source = read(make(YAML + "names: [wall]", train_a=f"0 {HALF}\n{row}"))
    (finding,) = source.findings
    assert finding.severity is Severity.ERROR
    assert finding.message.startswith("train/labels/a.txt, line 2, ")
    assert reason in finding.message
    assert len(source.images[0].boxes) == 1


def test_a_label_without_an_image_is_an_error(make: Callable[..., Path]) -> None:
    root = make(YAML + "names: [wall]")
    (root / "train/labels/lost.txt").write_text("")
    (root / "test/labels").mkdir(parents=True)
    (root / "test/labels/alone.txt").write_text("")
    assert errors(read(root)) == ["LABEL_WITHOUT_IMAGE"] * 2


def test_a_split_that_data_yaml_does_not_name_is_no_error(make: Callable[..., Path]) -> None:
    assert errors(read(make("train: train/images\nnames: [wall]", train_a="", test_b=""))) == []


def test_images_without_labels_are_background(tmp_path: Path, make: Callable[..., Path], make_image: MakeImage) -> None:
    make(YAML + "names: [wall]", train_empty="")
    make_image("train/images/none.png")
    assert [image.boxes for image in read(tmp_path).images] == [(), ()]


def test_two_images_with_one_label_are_warned_about(make: Callable[..., Path], make_image: MakeImage) -> None:
    root = make(YAML + "names: [wall]")
    make_image("train/images/a.jpg")
    assert [finding.code for finding in read(root).findings] == ["LABEL_SHARED"]


def test_a_label_file_is_its_own_images_and_no_address_of_another(
    make: Callable[..., Path], make_image: MakeImage
) -> None:
    root = make(YAML + "names: [wall]")
    make_image("train/images/a%20b.png")
    make_image("train/images/a b.png")
    (root / "train/labels/a.txt").rename(root / "train/labels/a%20b.txt")
    boxes = {image.path.name: len(image.boxes) for image in read(root).images}
    assert boxes == {"a.png": 0, "a b.png": 0, "a%20b.png": 1}


def test_boxes_of_turned_images_are_in_the_upright_frame(tmp_path: Path, make: Callable[..., Path]) -> None:
    from PIL import Image

    root = make(YAML + "names: [wall]")
    exif = Image.Exif()
    exif[0x0112] = 6
    (root / "train/images/a.png").unlink()
    Image.new("RGB", (40, 30)).save(root / "train/images/a.jpg", exif=exif.tobytes())
    (image,) = read(root).images
    assert (image.width, image.height, image.boxes[0].bbox) == (30, 40, (7.5, 10, 15, 20))


@pytest.mark.parametrize("yaml", ["names: [", "names: 3\ntrain: x", "names: [[a]]\ntrain: x", "\x00"])
def test_a_broken_yaml_is_refused_in_one_sentence(make: Callable[..., Path], yaml: str) -> None:
    with pytest.raises(PrepError) as refused:
        read(make(yaml))
    assert "data.yaml" in str(refused.value)
    assert "\n" not in str(refused.value)


@given(x=st.floats(0.0, 0.9), y=st.floats(0.0, 0.9), width=st.floats(0.05, 0.1), height=st.floats(0.05, 0.1))
def test_a_box_and_the_polygon_of_its_corners_are_the_same(x: float, y: float, width: float, height: float) -> None:
    box = f"1 {x + width / 2!r} {y + height / 2!r} {width!r} {height!r}"
    polygon = f"1 {x!r} {y!r} {x + width!r} {y!r} {x + width!r} {y + height!r} {x!r} {y + height!r}"
    first, second = parse_labels(f"{box}\n{polygon}", 1000, 800)
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert first.bbox == pytest.approx(second.bbox, abs=0.0011)
    left, top, box_width, box_height = first.bbox
    assert left >= 0 and top >= 0 and left + box_width <= 1000.001 and top + box_height <= 800.001


@settings(max_examples=50)
@given(st.text(max_size=80))
def test_no_text_causes_a_traceback(text: str) -> None:
    list(parse_labels(text, 100, 100))
