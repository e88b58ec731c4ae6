"""Which format a source has, and reading it by that format's module, which returns a Source (source.py)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dataset_prep.errors import UsageError
from dataset_prep.progress import phase
from dataset_prep.sources.coco import find_annotations, read_coco
from dataset_prep.sources.cubicasa5k_plans import ANNOTATION, count_plans, find_root
from dataset_prep.sources.cubicasa5k_policy import Policy
from dataset_prep.sources.image_files import SUFFIXES
from dataset_prep.sources.repairs import Repairs, repair, take_crowds_as_objects
from dataset_prep.sources.source import Source
from dataset_prep.sources.source_folders import name_folders
from dataset_prep.sources.yolo import read_yolo
from dataset_prep.sources.yolo_yaml import find_yaml
from terminal.console import Terminal

FORMATS = ("cubicasa5k", "yolo", "coco")


@dataclass(frozen=True)
class SourceOptions:
    """What is read and how; the names are those of the command line."""

    path: Path
    """What --source names."""
    format: str | None = None
    """One of FORMATS; None looks at the source."""
    annotations: tuple[Path, ...] = ()
    images: tuple[Path, ...] = ()
    class_names: tuple[str, ...] | None = None
    """In the order of their indices, for YOLO data sets that name none."""
    limit: int | None = None
    policy: Policy = field(default_factory=Policy)
    repairs: Repairs = field(default_factory=Repairs)
    crowds_are_objects: bool = False
    """Of COCO's boxes with iscrowd 1."""


def detect_format(source: Path, annotations: Sequence[Path] = ()) -> str:
    """The format of what is at `source`. Raises UsageError if it is none of FORMATS."""
    if annotations:
        return "coco"
    root = find_root(source) if source.is_dir() else None
    if root is not None and any(root.glob(f"*/*/{ANNOTATION}")):
        return "cubicasa5k"
    if find_annotations(source):
        return "coco"
    if root is not None:  # without one annotation, which reading it says
        return "cubicasa5k"
    if find_yaml(source) is not None:
        return "yolo"
    if source.is_dir() and any(path.is_dir() for path in source.rglob("labels")):
        return "yolo"
    raise UsageError(
        f"{source} is not a data set of a known format: neither CubiCasa5K (folders high_quality, colorful, ...), nor "
        "COCO (a JSON file with images and annotations), nor YOLO (data.yaml or folders images and labels)."
    )


def read_source(options: SourceOptions, *, exclude: Path | None, workers: int, console: Terminal) -> Source:
    """All that the source holds, with each image's folder in it. Raises UsageError and PrepError as the formats do.

    `exclude` is a folder whose images are not the source's.
    """
    source = _read(options, exclude=exclude, workers=workers, console=console)
    return name_folders(source, find_root(options.path) or options.path, options.images)


def _read(options: SourceOptions, *, exclude: Path | None, workers: int, console: Terminal) -> Source:
    kind = options.format or detect_format(options.path, options.annotations)
    if kind != "coco" and options.annotations:
        raise UsageError("--annotations belongs to COCO sources: omit it, or add --format coco.")
    if kind == "cubicasa5k" and options.images:
        raise UsageError("--images belongs to COCO and YOLO sources: omit it, or add --format coco or yolo.")
    title = f"Read {kind}"
    if kind == "cubicasa5k":
        from dataset_prep.sources.cubicasa5k import read_cubicasa5k  # noqa: PLC0415  numpy, which others do without

        with phase(console, title, count_plans(options.path), "plans") as advance:
            return read_cubicasa5k(
                options.path, options.policy, options.repairs, advance=advance, limit=options.limit, workers=workers
            )
    if kind == "yolo":
        with phase(console, title, _count_images(options.path), "images") as advance:
            return read_yolo(
                options.path,
                options.class_names,
                options.repairs,
                advance=advance,
                limit=options.limit,
                images=options.images,
            )
    # Of files that do not look like COCO, reading them says why.
    annotations = (
        options.annotations
        or tuple(find_annotations(options.path))
        or tuple(find_annotations(options.path, any_json=True))
    )
    if not annotations:
        raise UsageError(f"{options.path} holds no COCO file: name it with --annotations.")
    folders = options.images or (options.path if options.path.is_dir() else options.path.parent,)
    with phase(console, title, None, "images") as advance:
        source = read_coco(annotations, folders, advance=advance, limit=options.limit, exclude=exclude)
    if options.crowds_are_objects:
        source = take_crowds_as_objects(source)
    return repair(source, options.repairs)


def _count_images(source: Path) -> int:
    folder = source if source.is_dir() else source.parent
    names = (name for _, _, names in os.walk(folder) for name in names)
    return sum(f".{name.rpartition('.')[2].lower()}" in SUFFIXES for name in names)
