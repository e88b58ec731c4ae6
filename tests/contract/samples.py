"""A small valid data set that tests plant defects into, and PNG files written by hand."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from copy import deepcopy
from pathlib import Path
from typing import Any

from dataset_contract.coco import parse_coco
from dataset_contract.layout import MANIFEST, SPLITS, annotations_path
from dataset_contract.manifest import FileEntry, build_manifest, manifest_to_bytes

WIDTH, HEIGHT = 120, 80


def chunk(name: bytes, body: bytes) -> bytes:
    """One PNG chunk with its right checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    width: int = WIDTH,
    height: int = HEIGHT,
    *,
    bit_depth: int = 8,
    color_type: int = 0,
    shade: int = 0,
    before_pixels: bytes = b"",
) -> bytes:
    """A PNG file of one shade; `shade` makes its bytes differ from others'. Only 8-bit grey ones can be decoded."""
    header = struct.pack(">IIBBBBB", width, height, bit_depth, color_type, 0, 0, 0)
    pixels = zlib.compress((b"\0" + bytes([shade]) * width) * min(height, 1000))
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + before_pixels + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


class SampleDataset:
    """Four plans to train on and two in each other split, two boxes on each. Change `coco` and `files`, then write."""

    def __init__(self) -> None:
        """Valid without a single finding."""
        self.coco: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        first = 1
        for split, images in zip(SPLITS, (4, 2, 2), strict=True):
            ids = range(first, first + images)
            self.coco[split] = {
                "images": [
                    {"id": image_id, "file_name": f"images/{image_id:06d}.png", "width": WIDTH, "height": HEIGHT}
                    for image_id in ids
                ],
                "annotations": [
                    annotation
                    for image_id in ids
                    for annotation in (
                        box(2 * image_id, image_id, 1, [10, 10.5, 60.25, 4]),
                        box(2 * image_id + 1, image_id, 2, [12, 20, 50, 40]),
                    )
                ],
                "categories": [{"id": 1, "name": "wall"}, {"id": 2, "name": "room"}],
            }
            self.files |= {f"{split}/images/{image_id:06d}.png": png(shade=image_id) for image_id in ids}
            first += images
        self.stated = deepcopy(self.coco)  # what the manifest counts
        self.options: dict[str, Any] = {"seed": 42}

    def give_a_class_the_id_of_a_billion(self) -> None:
        """Rooms in every split, with all their boxes; the manifest counts them as before."""
        for coco in self.coco.values():
            coco["categories"][1]["id"] = 10**9
            for annotation in coco["annotations"]:
                annotation["category_id"] = 10**9 if annotation["category_id"] == 2 else 1
        self.stated = self.coco

    def all_files(self) -> dict[str, bytes]:
        """path -> bytes, with a manifest that lists the files as they are now, defects included."""
        files = dict(self.files)
        for split, coco in self.coco.items():
            files.setdefault(annotations_path(split), json.dumps(coco).encode())
        datasets = {}
        for split, coco in self.stated.items():
            dataset, findings = parse_coco(json.dumps(coco).encode(), file=split)
            assert dataset is not None and not findings
            datasets[split] = dataset
        entries = [FileEntry(path, len(data), hashlib.sha256(data).hexdigest()) for path, data in files.items()]
        manifest = build_manifest(tool="test", source={}, options=self.options, datasets=datasets, files=entries)
        return files | {MANIFEST: manifest_to_bytes(manifest)}

    def write(self, root: Path) -> Path:
        """Write all files below `root`, and return it."""
        for path, data in self.all_files().items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        return root


def box(annotation_id: int, image_id: int, category_id: int, bbox: list[Any]) -> dict[str, Any]:
    """An annotation as it stands in the JSON."""
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": category_id,
        "bbox": bbox,
        "area": bbox[2] * bbox[3],
        "iscrowd": 0,
    }
