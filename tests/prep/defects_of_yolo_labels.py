"""Defects of YOLO label files and their rows."""

from __future__ import annotations

from pathlib import Path

from tests.prep.yolo_tree import HALF, LABELS, Planted, row

LABEL_DEFECTS: dict[str, Planted] = {
    # rows
    "pixel coordinates": (row("0 20 15 20 15"), "LABEL_IN_PIXELS", "a.txt, line 2"),
    "pixel coordinates, some small": (row("0 1 15 1 15"), "LABEL_IN_PIXELS", "a.txt, line 2"),
    "a polygon in pixels": (row("0 4 4 20 4 20 15"), "LABEL_IN_PIXELS", "a.txt, line 2"),
    "coordinate above 1.01": (row("0 1.02 0.5 0.1 0.1"), "LABEL_OUTSIDE", "coordinate 1.02"),
    "coordinate below -0.01": (row("0 0.5 -0.02 0.1 0.1"), "LABEL_OUTSIDE", "coordinate -0.02"),
    "polygon point outside": (row("0 0.1 0.1 1.2 0.1 0.5 0.5"), "LABEL_OUTSIDE", "coordinate 1.2"),
    "box beyond the image": (row("0 0.95 0.5 0.5 0.5"), "BOX_CLIPPED", "a.txt, line 2"),
    "box wholly outside": (row("0 1.01 0.5 0.01 0.1"), "LABEL_OUTSIDE", "outside of the image"),
    "no width": (row("0 0.5 0.5 0 0.5"), "LABEL_BOX_EMPTY", "without area"),
    "negative height": (row("0 0.5 0.5 0.5 -0.009"), "LABEL_BOX_EMPTY", "without area"),
    "polygon without area": (row("0 0.1 0.1 0.5 0.1 0.9 0.1"), "LABEL_BOX_EMPTY", "without area"),
    "four numbers": (row("0 0.5 0.5 0.5"), "LABEL_LENGTH", "has 4 numbers"),
    "eight numbers": (row("0 0.1 0.1 0.5 0.1 0.5 0.5 0.1"), "LABEL_LENGTH", "has 8 numbers"),
    "ten numbers": (row("0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5 0.9"), "LABEL_LENGTH", "has 10 numbers"),
    "class only": (row("0"), "LABEL_LENGTH", "has 1 numbers"),
    "sixth number no confidence": (row(f"0 {HALF} 17.5"), "LABEL_LENGTH", "neither a confidence"),
    "sixth number negative": (row(f"0 {HALF} -1"), "LABEL_LENGTH", "neither a confidence"),
    "NaN": (row("0 nan 0.5 0.5 0.5"), "LABEL_NOT_A_NUMBER", "NaN"),
    "infinite": (row("0 0.5 1e999 0.5 0.5"), "LABEL_NOT_A_NUMBER", "infinite"),
    "class by name": (row(f"wall {HALF}"), "LABEL_NOT_A_NUMBER", "not a number"),
    "commas": (row("0, 0.5, 0.5, 0.5, 0.5"), "LABEL_NOT_A_NUMBER", "not a number"),
    "decimal commas": (row("0 0,5 0,5 0,5 0,5"), "LABEL_NOT_A_NUMBER", "not a number"),
    "underscore": (row(f"0_1 {HALF}"), "LABEL_NOT_A_NUMBER", "not a number"),
    "Arabic digits": (row(f"\N{ARABIC-INDIC DIGIT ONE} {HALF}"), "LABEL_NOT_A_NUMBER", "not a number"),
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
    "label in UTF-16, cut off": (
        lambda t: t.write(LABELS, f"0 {HALF}".encode("utf-16")[:-1]),
        "LABEL_NOT_TEXT",
        "a.txt",
    ),
    "label of zero bytes": (lambda t: t.write(LABELS, bytes(50)), "LABEL_NOT_A_NUMBER", "line 1"),
    "label in JSON": (lambda t: t.write(LABELS, '{"shapes": []}'), "LABEL_NOT_A_NUMBER", "line 1"),
    "label without image": (lambda t: t.remove("train/images/b.png"), "LABEL_WITHOUT_IMAGE", "labels/b.txt"),
    "label beside its image": (lambda t: t.move(LABELS, "train/images/a.txt"), "LABEL_MISPLACED", "labels/a.txt"),
    "label in capitals": (lambda t: t.move(LABELS, "train/labels/a.TXT"), "LABEL_MISPLACED", "labels/a.TXT"),
    "no label at all": (
        lambda t: [t.move(f"{split}/labels", f"{split}/annotations") for split in ("train", "valid")],
        "LABELS_ABSENT",
        "that of train/images/a.png would be train/labels/a.txt",
    ),
    "label is a folder": (
        lambda t: (t.remove(LABELS), t.make(LABELS, Path.mkdir)),
        "LABEL_UNREADABLE",
        "a.txt cannot be read (it is not a regular file)",
    ),
    "label is a dangling link": (
        lambda t: (t.remove(LABELS), t.make(LABELS, lambda p: p.symlink_to("nowhere"))),
        "LABEL_UNREADABLE",
        "a.txt is a symbolic link that leads nowhere",
    ),
    "most labels not copied": (
        lambda t: [t.remove(f"{name}.txt") for name in ("train/labels/a", "train/labels/b", "valid/labels/c")],
        "LABELS_MOSTLY_ABSENT",
        "3 of the 4 images have no label file, such as train/images/a.png: no train/labels/a.txt",
    ),
    "a split's labels not copied": (
        lambda t: (t.remove("valid/labels/c.txt"), t.remove("valid/labels/d.txt")),
        "FOLDER_WITHOUT_LABELS",
        "valid/images",
    ),
}
