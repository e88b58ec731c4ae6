"""Reading a source by its format's module, which returns a Source (source.py)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from dataset_contract.findings import FindingLog
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.progress import phase
from dataset_prep.sources.coco import read_coco
from dataset_prep.sources.coco_files import find_annotations
from dataset_prep.sources.cubicasa5k_plans import count_plans, find_root
from dataset_prep.sources.cubicasa5k_policy import Policy
from dataset_prep.sources.detection import FORMATS, detect
from dataset_prep.sources.image_files import SUFFIXES
from dataset_prep.sources.repairs import Repairs, repair, take_crowds_as_objects
from dataset_prep.sources.source import Source
from dataset_prep.sources.source_folders import name_folders
from dataset_prep.sources.yolo import read_yolo
from dataset_prep.sources.yolo_labels import KeyPoints
from terminal.console import Terminal

__all__ = ["FORMATS", "SourceOptions", "read_source"]


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
    key_points: KeyPoints | None = None
    """What long YOLO rows are; None goes by data.yaml."""
    limit: int | None = None
    policy: Policy = field(default_factory=Policy)
    repairs: Repairs = field(default_factory=Repairs)
    crowds_are_objects: bool = False
    """Of COCO's boxes with iscrowd 1."""


def read_source(options: SourceOptions, *, exclude: Path | None, workers: int, console: Terminal) -> Source:
    """All that the source holds, with each image's folder in it, and what it was taken for unless the format is given.

    `exclude` is a folder whose images are not the source's. Raises UsageError and PrepError as the modules do.
    """
    kind = options.format or ("coco" if options.annotations else None)
    if kind is not None:
        return _read(kind, options, exclude=exclude, workers=workers, console=console)
    detected = detect(options.path)
    try:
        source = _read(detected.format, options, exclude=exclude, workers=workers, console=console)
    except (PrepError, UsageError) as refused:
        if not detected.others:
            raise
        raise type(refused)(f"{refused} The source was {detected}.") from refused
    found = FindingLog()
    found.info("FORMAT_DETECTED", f"The source was {detected}.", "Give --format if it is another.")
    return replace(source, findings=[*source.findings, *found.findings()])


def _read(kind: str, options: SourceOptions, *, exclude: Path | None, workers: int, console: Terminal) -> Source:
    source = _read_format(kind, options, exclude=exclude, workers=workers, console=console)
    return name_folders(source, find_root(options.path) or options.path, options.images)


def _read_format(kind: str, options: SourceOptions, *, exclude: Path | None, workers: int, console: Terminal) -> Source:
    if kind != "coco" and options.annotations:
        raise UsageError("--annotations belongs to COCO sources: omit it, or add --format coco.")
    if kind == "cubicasa5k" and options.images:
        raise UsageError("--images belongs to COCO and YOLO sources: omit it, or add --format coco or yolo.")
    if kind != "yolo" and options.key_points is not None:
        raise UsageError("--key-points belongs to YOLO sources: omit it, or add --format yolo.")
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
                key_points=options.key_points,
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
