"""What annotation tools export, file by file in the form that they write, with a wall and a room on small images."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 100, 80
WALL, ROOM = (10.0, 8.0, 60.0, 4.0), (20.0, 16.0, 40.0, 40.0)
ROWS = "0 0.4 0.125 0.6 0.05\n1 0.4 0.45 0.4 0.5\n"
TURNED = (48.0, 7.0, 4.0, 60.0)
"""[20, 35, 60, 4] after a quarter turn."""
_CATEGORIES = [{"id": 1, "name": "wall", "supercategory": ""}, {"id": 2, "name": "room", "supercategory": ""}]


class Export:
    """A folder that a tool exports into."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._pictures = 0

    def text(self, path: str, text: str | bytes) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)

    def picture(self, path: str) -> None:
        """An image that is like no other."""
        self._pictures += 1
        picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
        at = 7 * self._pictures
        ImageDraw.Draw(picture).rectangle([at % 60, at % 50, at % 60 + 25, at % 50 + 20], fill=(0, at % 250, 90))
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        picture.save(target)

    def coco(self, path: str, names: list[str], **differs: Any) -> None:
        """A COCO file with a wall and a room on each image of `names`; `differs` may have first_id, categories, boxes,
        info, image (changes an image's entry) and annotation (an annotation's)."""
        first = differs.get("first_id", 1)
        images = [
            {"id": first + index, "width": WIDTH, "height": HEIGHT, "file_name": name, **differs.get("image", {})}
            for index, name in enumerate(names)
        ]
        categories = differs.get("categories", _CATEGORIES)
        ids = {category["name"]: category["id"] for category in categories}
        annotations = [
            {
                "id": first + 2 * index + number,
                "image_id": first + index,
                "category_id": ids[name],
                "segmentation": [],
                "area": box[2] * box[3],
                "bbox": list(box),
                "iscrowd": 0,
                **differs.get("annotation", {}),
            }
            for index in range(len(names))
            for number, (name, box) in enumerate(differs.get("boxes", (("wall", WALL), ("room", ROOM))))
        ]
        content = {
            "licenses": [{"name": "", "id": 0, "url": ""}],
            "info": {"contributor": "", "date_created": "", "description": "", "url": "", "version": "", "year": ""},
            "categories": categories,
            "images": images,
            "annotations": annotations,
        }
        self.text(path, json.dumps(content | differs.get("content", {})))


@dataclass(frozen=True)
class Known:
    """An export that is read: what writes it, and what has to come of it."""

    write: Callable[[Export], object]
    images: int = 4
    boxes: frozenset[tuple[str, tuple[float, ...]]] = frozenset({("wall", WALL), ("room", ROOM)})
    splits: frozenset[str | None] = frozenset({None})
    more: tuple[str, ...] = ()
    """Options that it needs."""


def ultralytics(out: Export, row: str = ROWS, more: str = "", where: str = "{kind}/{split}") -> None:
    for split in ("train", "val"):
        for index in range(2):
            out.picture(f"{where.format(kind='images', split=split)}/{split}{index}.jpg")
            out.text(f"{where.format(kind='labels', split=split)}/{split}{index}.txt", row)
    out.text(
        "data.yaml",
        f"path: ../datasets/plans\ntrain: {where.format(kind='images', split='train')}\n"
        f"val: {where.format(kind='images', split='val')}\ntest:\n\n{more}names:\n  0: wall\n  1: room\n",
    )


def windows(out: Export) -> None:
    ultralytics(out)
    (out.root / "labels").rename(out.root / "Labels")


def pose(out: Export) -> None:
    corners = "0.2 0.2 2 0.6 0.2 2 0.6 0.7 1 0 0 0"
    row = f"1 0.4 0.45 0.4 0.5 {corners}\n0 0.4 0.125 0.6 0.05 0.2 0.12 2 0.5 0.13 2 0.6 0.12 2 0.3 0.12 2\n"
    ultralytics(out, row, "kpt_shape: [4, 3]\nflip_idx: [1, 0, 3, 2]\n")


def segments(out: Export) -> None:
    ultralytics(out, "0 0.1 0.1 0.7 0.1 0.7 0.15 0.1 0.15\n1 0.2 0.2 0.6 0.2 0.6 0.7 0.4 0.7 0.2 0.5\n")


def roboflow_yolo(out: Export) -> None:
    for split in ("train", "valid"):
        for index in range(2):
            stem = f"plan-{split}{index}_png.rf.{index:032x}"
            out.picture(f"{split}/images/{stem}.jpg")
            out.text(f"{split}/labels/{stem}.txt", ROWS.rstrip("\n"))
    out.text(
        "data.yaml",
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n\nnc: 2\nnames: ['wall', 'room']\n\n"
        "roboflow:\n  workspace: plans\n  project: plans-1\n  version: 3\n  license: CC BY 4.0\n",
    )
    for name in ("README.dataset.txt", "README.roboflow.txt"):
        out.text(name, "\nplans - v3\n")


def roboflow_coco(out: Export) -> None:
    root = [{"id": 0, "name": "room", "supercategory": "none"}]
    classes = [{"id": index, "name": name, "supercategory": "room"} for index, name in enumerate(("room", "wall"), 1)]
    for split, count in (("train", 2), ("valid", 1), ("test", 1)):
        names = [f"plan{index}_png.rf.{index:032x}.jpg" for index in range(count)]  # the same in each split
        for name in names:
            out.picture(f"{split}/{name}")
        image = {"license": 1, "date_captured": "2026-03-01T10:00:00+00:00"}
        out.coco(f"{split}/_annotations.coco.json", names, first_id=0, categories=root + classes, image=image)
    out.text("README.roboflow.txt", "\nplans - v3\n")


def roboflow_darknet(out: Export) -> None:
    for split in ("train", "valid"):
        for index in range(2):
            stem = f"{split}/plan-{split}{index}_png.rf.{index:032x}"
            out.picture(f"{stem}.jpg")
            out.text(f"{stem}.txt", ROWS)
        out.text(f"{split}/_darknet.labels", "wall\nroom")
    out.text("README.roboflow.txt", "\nplans - v3\n")


def label_studio_yolo(out: Export) -> None:
    for index in range(4):
        out.picture(f"images/{index:08x}-plan{index}.png")
        out.text(f"labels/{index:08x}-plan{index}.txt", ROWS)
    out.text("classes.txt", "wall\nroom\n")
    notes = {
        "categories": [{"id": 0, "name": "wall"}, {"id": 1, "name": "room"}],
        "info": {"year": 2026, "version": "1.0", "contributor": "Label Studio"},
    }
    out.text("notes.json", json.dumps(notes, indent=2))


def label_studio_coco(out: Export, folder: str = "images\\1/", **content: Any) -> None:
    names = [f"{index:08x}-plan{index}.png" for index in range(4)]
    for name in names:
        out.picture(f"images/{name}")
    categories = [{"id": 0, "name": "wall"}, {"id": 1, "name": "room"}]
    differs = {"first_id": 0, "categories": categories, "annotation": {"ignore": 0}, "content": content}
    out.coco("result.json", [f"{folder}{name}" for name in names], **differs)


def label_studio_of_windows(out: Export) -> None:
    label_studio_coco(out, "..\\..\\label-studio\\label-studio\\media\\upload\\4\\")


def label_studio_served(out: Export) -> None:
    names = [f"été {index}.png" for index in range(4)]
    for name in names:
        out.picture(f"plans/{name}")
    addresses = [f"/data/local-files/?d=plans/%C3%A9t%C3%A9%20{index}.png" for index in range(4)]
    out.coco("result.json", addresses, info={"year": 2026, "version": "1.0", "contributor": "Label Studio"})


def label_studio_addresses(out: Export) -> None:
    for index in range(4):
        out.picture(f"images/été {index}.png")
        address = f"%C3%A9t%C3%A9%20{index}.txt"
        out.text(f"labels/{address if index else f'?d=plans%5C{address}'}", ROWS)
    out.text("classes.txt", "wall\nroom\n")


def cvat_coco(out: Export, **differs: Any) -> None:
    for subset, first in (("train", 1), ("val", 1)):
        names = [f"frame_{index:06d}.png" for index in range(2)]
        for name in names:
            out.picture(f"images/{subset}/{name}")
        differs.setdefault("annotation", {"attributes": {"occluded": False, "rotation": 0.0}})
        out.coco(f"annotations/instances_{subset}.json", names, first_id=first, **differs)


def cvat_turned(out: Export) -> None:
    attributes = {"occluded": False, "rotation": 90.0}
    cvat_coco(out, annotation={"attributes": attributes}, boxes=(("wall", (20.0, 35.0, 60.0, 4.0)),))


def cvat_masks(out: Export) -> None:
    before, inside = int(ROOM[0]) * HEIGHT + int(ROOM[1]), [40, 40] * 39 + [40]
    counts = [before, *inside, WIDTH * HEIGHT - before - sum(inside)]
    mask = {"iscrowd": 1, "segmentation": {"counts": counts, "size": [HEIGHT, WIDTH]}}
    cvat_coco(out, annotation=mask, boxes=(("room", ROOM),))


def cvat_yolo(out: Export) -> None:
    names = [f"plan{index}.png" for index in range(4)]
    for name in names:
        out.picture(f"obj_train_data/{name}")
        out.text(f"obj_train_data/{name[:-4]}.txt", ROWS)
    out.text("obj.data", "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n")
    out.text("obj.names", "wall\nroom\n")
    out.text("train.txt", "".join(f"data/obj_train_data/{name}\n" for name in names))


def labelimg(out: Export, labels: str = "") -> None:
    for index in range(4):
        out.picture(f"{'images/' if labels else ''}plan {index}.png")
        out.text(f"{labels}plan {index}.txt", ROWS)
    out.text(f"{labels}classes.txt", "wall\nroom\n")


def powershell(out: Export) -> None:
    labelimg(out, "labels/")
    for path in out.root.rglob("*.txt"):
        path.write_bytes(path.read_text().replace("\n", "\r\n").encode("utf-16"))


def coco_itself(out: Export) -> None:
    for split, first in (("train2017", 1), ("val2017", 9)):
        names = [f"{first + index:012d}.png" for index in range(2)]
        for name in names:
            out.picture(f"{split}/{name}")
        out.coco(f"annotations/instances_{split}.json", names, first_id=first)
        captions = [{"id": first, "image_id": first, "caption": "a plan"}]
        out.text(f"annotations/captions_{split}.json", json.dumps({"info": {}, "images": [], "annotations": captions}))
        person = [{"id": 1, "name": "person", "keypoints": ["nose"], "skeleton": []}]
        key_points = {"keypoints": [0, 0, 0], "num_keypoints": 0}
        boxes = (("person", ROOM),)
        out.coco(
            f"annotations/person_keypoints_{split}.json",
            names,
            first_id=first,
            categories=person,
            annotation=key_points,
            boxes=boxes,
        )


def without_sizes(out: Export) -> None:
    for index in range(4):
        out.picture(f"data/plan{index}.png")
    out.coco("labels.json", [f"plan{index}.png" for index in range(4)], image={"width": None, "height": None})


def polygons_only(out: Export) -> None:
    for index in range(4):
        out.picture(f"data/plan{index}.png")
    x, y, width, height = ROOM
    corners = [x, y, x + width, y, x + width, y + height, x, y + height]
    one = {"segmentation": [corners], "bbox": None}
    out.coco("labels.json", [f"plan{index}.png" for index in range(4)], annotation=one, boxes=[("room", ROOM)])


def with_texts(out: Export) -> None:
    for index in range(4):
        out.picture(f"data/plan{index}.png")
    size = {"width": float(WIDTH), "height": str(HEIGHT)}
    one = {"bbox": ["20", "16.0", "40", "40"], "area": "1600"}
    out.coco(
        "labels.json", [f"plan{index}.png" for index in range(4)], image=size, annotation=one, boxes=[("room", ROOM)]
    )


def by_pandas(out: Export) -> None:
    for index in range(4):
        out.picture(f"data/plan{index}.png")
    out.coco("labels.json", [f"plan{index}.png" for index in range(4)], annotation={"iscrowd": False})
    content = json.loads((out.root / "labels.json").read_bytes())
    for entry in [*content["images"], *content["annotations"]]:
        entry |= {key: float(entry[key]) for key in ("id", "image_id", "category_id", "width") if key in entry}
    out.text("labels.json", json.dumps(content).encode("utf-8-sig"))


_SPLITS: frozenset[str | None] = frozenset({"train", "val"})
_ROOM = frozenset({("room", ROOM)})
EXPORTS: dict[str, Known] = {
    "Ultralytics: detect": Known(ultralytics, splits=_SPLITS),
    "Ultralytics: segment, obb": Known(segments, splits=_SPLITS),
    "Ultralytics: pose": Known(pose, splits=_SPLITS),
    "Ultralytics: tracks, as CVAT exports them": Known(
        lambda out: ultralytics(out, ROWS.replace("0.05\n", "0.05 1\n").replace("0.5\n", "0.5 17\n")), splits=_SPLITS
    ),
    "Ultralytics on Windows: `Labels/`": Known(windows, splits=_SPLITS),
    "Roboflow: YOLO": Known(roboflow_yolo, splits=_SPLITS),
    "Roboflow: COCO": Known(roboflow_coco, splits=frozenset({"train", "val", "test"})),
    "Roboflow: Darknet": Known(roboflow_darknet, splits=_SPLITS),
    "Label Studio: YOLO": Known(label_studio_yolo),
    "Label Studio: YOLO, of local files": Known(label_studio_addresses),
    "Label Studio: COCO": Known(
        lambda out: label_studio_coco(out, info={"year": 2026, "version": "1.0", "contributor": "Label Studio"})
    ),
    "Label Studio: COCO, on Windows": Known(label_studio_of_windows),
    "Label Studio: COCO, of local files": Known(label_studio_served),
    "CVAT: COCO": Known(cvat_coco, splits=_SPLITS),
    "CVAT: COCO, turned rectangles": Known(cvat_turned, boxes=frozenset({("wall", TURNED)}), splits=_SPLITS),
    "CVAT: COCO, masks": Known(cvat_masks, boxes=_ROOM, splits=_SPLITS, more=("--crowds", "objects")),
    "CVAT: YOLO 1.1": Known(cvat_yolo, splits=frozenset({"train"})),
    "labelImg: YOLO, all in one folder": Known(labelimg),
    "labelImg: YOLO, labels apart": Known(lambda out: labelimg(out, "labels/")),
    "PowerShell: texts in UTF-16, or in UTF-8 with a byte order mark": Known(powershell),
    "COCO: its own download": Known(coco_itself, splits=_SPLITS),
    "COCO: without sizes": Known(without_sizes),
    "COCO: polygons without boxes": Known(polygons_only, boxes=_ROOM),
    "COCO: numbers as texts": Known(with_texts, boxes=_ROOM),
    "COCO: ids with a decimal point, as pandas writes them": Known(by_pandas),
}
"""By the name that the table in docs/sources.md has for it."""
