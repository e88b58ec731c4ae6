"""Defects of a YOLO data set's images, of its data.yaml and of its lists of images."""

from __future__ import annotations

import os

from tests.contract.samples import png
from tests.prep.yolo_tree import YAML, YAML_LIST, Planted, yaml

LAYOUT_DEFECTS: dict[str, Planted] = {
    # images
    "image empty": (lambda t: t.write("train/images/a.png", b""), "IMAGE_BROKEN", "a.png is empty"),
    "image truncated": (
        lambda t: t.write("train/images/a.png", (t.root / "train/images/a.png").read_bytes()[:-20]),
        "IMAGE_DAMAGED",
        "breaks off",
    ),
    "web page called PNG": (lambda t: t.write("train/images/a.png", "<html>404</html>"), "IMAGE_BROKEN", "a.png"),
    "image gigantic": (
        lambda t: t.write("train/images/a.png", png(60_000, 60_000)),
        "IMAGE_BROKEN",
        "train/images/a.png",
    ),
    "image is a pipe": (
        lambda t: (t.remove("train/images/a.png"), t.make("train/images/a.png", os.mkfifo)),
        "FILE_REFUSED",
        "not a regular file",
    ),
    "image is a link out": (
        lambda t: (
            t.move("train/images/a.png", "../elsewhere.png"),
            t.make("train/images/a.png", lambda p: p.symlink_to("../../../elsewhere.png")),
        ),
        "FILE_REFUSED",
        "leads out",
    ),
    "image is a dangling link": (
        lambda t: (t.remove("train/images/a.png"), t.make("train/images/a.png", lambda p: p.symlink_to("nowhere"))),
        "FILE_REFUSED",
        "cannot be read",
    ),
    "folder is a link out": (
        lambda t: t.make("train/images/more", lambda p: p.symlink_to(t.root.parent)),
        "FOLDER_LINKED",
        "more is a symbolic link",
    ),
    "the same image in two splits": (
        lambda t: t.write("valid/images/c.png", (t.root / "train/images/a.png").read_bytes()),
        "LEAKAGE_HEAVY",
        "in another split",
    ),
    "one image for all": (
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
    "train's folder absent": (
        yaml("train: nowhere/images\nval: valid/images\nnames: [wall, room]"),
        "TRAIN_FOLDER_ABSENT",
        "nowhere/images",
    ),
    "train's folder without images": (
        yaml("train: train/labels\nval: valid/images\nnames: [wall, room]"),
        "TRAIN_FOLDER_ABSENT",
        "and there is no image",
    ),
    "a split's folder without images": (
        yaml(YAML + "test: train/labels"),
        "SPLIT_FOLDER_ABSENT",
        "names train/labels for test, and there is no image",
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
    "no names at all": (yaml("train: train/images"), None, "name them with --classes in the order of their numbers"),
    "nc only, without the names": (yaml("train: train/images\nnc: 2"), None, "name them with --classes"),
    "names contradicted": (
        lambda t: t.write("train/labels/classes.txt", "room\nwall\n"),
        None,
        "data.yaml calls the class 0 'wall', but train/labels/classes.txt calls it 'room'",
    ),
    "kpt_shape of nothing": (yaml(f"{YAML}kpt_shape: [4, 5]"), None, "has a kpt_shape that is not"),
    "yaml broken": (yaml("names: [wall"), None, "data.yaml is not a YAML file"),
    "yaml in UTF-16, cut off": (
        lambda t: t.write("data.yaml", YAML.encode("utf-16")[:-1]),
        None,
        "data.yaml is not a text file in UTF-8 or UTF-16",
    ),
    "train a map": (yaml("train: {a: b}\nnames: [wall]"), None, "nor a list of texts"),
    "yaml bomb": (
        yaml(
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{name}: &{name} [{','.join([f'*{chr(ord(name) - 1)}'] * 9)}]\n" for name in "bcdefghij")
            + "train: *j\nnames: [wall]"
        ),
        None,
        "more than 30,000 texts, lists and maps",
    ),
    "control characters in a name": (yaml(YAML.replace("room", '"\\e[31mroom"')), None, "neither a list"),
    "half a character in a name": (yaml(YAML.replace("room", '"\\ud800"')), None, "data.yaml"),
    "list names a missing image": (
        lambda t: (t.write("t.txt", "train/images/a.png\ntrain/images/zz.png\n"), yaml(YAML_LIST)(t)),
        "IMAGE_MISSING",
        "zz.png",
    ),
    "list names an image twice": (
        lambda t: (t.write("t.txt", "train/images/a.png\n./train/images/a.png\n"), yaml(YAML_LIST)(t)),
        "IMAGE_LISTED_TWICE",
        "one and the same image",
    ),
    "list names a file that is not an image": (
        lambda t: (t.write("t.txt", "train/images/a.png\n/etc/hostname\n"), yaml(YAML_LIST)(t)),
        "IMAGE_MISSING",
        "lists /etc/hostname",
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
