"""A small valid YOLO data set that tests plant defects and legitimate variants into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from dataset_contract.findings import Finding

HALF = "0.5 0.5 0.5 0.5"
YAML = "path: .\ntrain: train/images\nval: valid/images\nnames: [wall, room]\n"
LABELS = "train/labels/a.txt"
YAML_LIST = "train: t.txt\nnames: [wall, room]\n"


class Tree:
    """A YOLO data set of four images of 40 x 30; two walls and a room on each. What changes it returns it."""

    def __init__(self, root: Path) -> None:
        """Writes it to `root`."""
        self.root = root
        self.write("data.yaml", YAML)
        for shade, name in enumerate(("train/{}/a", "train/{}/b", "valid/{}/c", "valid/{}/d"), start=1):
            self.make_image(f"{name.format('images')}.png", shade=shade)
            self.write(f"{name.format('labels')}.txt", f"0 0.5 0.2 0.5 0.1\n1 {HALF}\n0 0.2 0.8 0.1 0.3\n")

    def write(self, path: str, text: str | bytes) -> Tree:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text.encode() if isinstance(text, str) else text)
        return self

    def make_image(self, path: str, *, shade: int = 9, size: tuple[int, int] = (40, 30), **save: Any) -> Tree:
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
PrepareYolo = Callable[..., tuple[int, Sequence[Finding], str]]
"""Runs the command line on a YOLO data set: the exit status, the findings, and what stands on standard error."""
Planted = tuple[Plant, str | None, str]
"""What plants a defect; the code of its finding, or None for a refusal in one sentence; what its message says."""


def yaml(text: str) -> Plant:
    return lambda tree: tree.write("data.yaml", text)


def row(text: str) -> Plant:
    return lambda tree: tree.write(LABELS, f"0 {HALF}\n{text}\n")
