"""COCO files, from wherever they come, to images with boxes: stale paths resolved, classes taken by their names."""

from __future__ import annotations

import codecs
import errno
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from dataset_contract.class_names import class_name
from dataset_contract.coco import Annotation, Category, CocoDataset, Image, parse_coco
from dataset_contract.findings import Finding, FindingLog, Place, worst
from dataset_contract.sanitise import sanitise
from dataset_contract.strict_json import MAX_BYTES, is_too_large
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.sources.coco_dialects import PolygonBoxes, adapt_export
from dataset_prep.sources.coco_files import split_of
from dataset_prep.sources.coco_images import ImagesOfFile
from dataset_prep.sources.other_formats import HEAD_LENGTH, other_format_of
from dataset_prep.sources.source import Source, SourceBox, SourceImage
from dataset_prep.sources.source_files import decode_text, read_source_file
from dataset_prep.sources.stale_paths import PathSuffixes
from image_reader.header import ImageError, read_header


def read_coco(
    annotations: Sequence[Path],
    folders: Sequence[Path],
    *,
    advance: Callable[[int], None] = lambda count: None,
    limit: int | None = None,
    exclude: Path | None = None,
) -> Source:
    """The images that the COCO files name, or the first `limit`, found below `folders`, with their own ids and sizes.

    An image whose file is missing or ambiguous is an error finding, with the candidates named. `advance` is called with
    1 for each image looked up. Files below `exclude`, where an earlier run may have written, are not the source's.

    Raises UsageError if a file or folder does not exist or there is no image, PrepError if a file cannot be read.
    """
    for path in [*annotations, *folders]:
        wanted, there = ("folder", path.is_dir()) if path in folders else ("file", path.is_file())
        if not there:
            problem = f"is not a {wanted}" if path.exists() else "does not exist"
            raise UsageError(
                f"{_shown([path])} {problem}: give the COCO files with --annotations, the images' folders with "
                "--images."
            )
    found = FindingLog()
    files = PathSuffixes(folders, found, exclude)
    if not files.count:
        if (first := worst(found.findings())) is not None:
            raise UsageError(f"There is no image that can be read below {_shown(folders)}: {first.message} {first.fix}")
        raise UsageError(f"There is no image below {_shown(folders)}: give the images' folder with --images.")
    named: list[_Named] = []
    findings: list[Finding] = []
    for path in sorted(annotations, key=lambda path: path.resolve()):
        file = _short_name(path, annotations)
        images = ImagesOfFile(path, files, annotations)
        dataset, problems = _parse(path, file, images, found)
        findings += problems
        if dataset is None:
            continue
        names = _class_names(dataset.categories, file, found)
        boxes: defaultdict[int, list[SourceBox]] = defaultdict(list)
        for annotation in sorted(dataset.annotations, key=lambda annotation: annotation.id):
            boxes[annotation.image_id].append(_box(annotation, names))
        named += [
            _Named(image.id, image, tuple(boxes[image.id]), file, split_of(path), images)
            for image in sorted(dataset.images, key=lambda image: image.id)
        ]
    collected = _Collected(files, found)
    for entry in sorted(_with_own_ids(named, found), key=lambda entry: entry.image_id)[:limit]:
        collected.add(entry)
        advance(1)
    if limit is None:
        collected.check_unused()
    findings += found.findings()
    if not collected.images:
        first = worst(findings)
        problem = f"{first.message} {first.fix}" if first is not None else "no COCO file names an image."
        raise PrepError(f"None of the images in {_shown(annotations)} can be used; the first problem: {problem}")
    return Source("coco", list(collected.images.values()), findings)


class _Named(NamedTuple):
    """An image of a COCO file, with the id that the data set gives it."""

    image_id: int
    image: Image
    boxes: tuple[SourceBox, ...]
    file: str
    split: str | None
    images: ImagesOfFile


def _with_own_ids(named: list[_Named], found: FindingLog) -> list[_Named]:
    """With ids that are unique over all files: those of the files, or if they are not, new ones in the given order."""
    if len({entry.image_id for entry in named}) == len(named):
        return named
    files = list(dict.fromkeys(entry.file for entry in named))
    found.info(
        "IMAGE_IDS_RENUMBERED",
        "The image ids are unique in each COCO file only, as Roboflow writes them: all images were numbered again from "
        f"1 on, file by file: {', '.join(files)}.",
        "Nothing to do; the ids of findings about a COCO file are its own.",
    )
    return [entry._replace(image_id=number) for number, entry in enumerate(named, start=1)]


def _shown(paths: Sequence[Path]) -> str:
    return sanitise(", ".join(map(str, paths)))


def _short_name(path: Path, others: Sequence[Path]) -> str:
    """How findings name a COCO file: train/_annotations.coco.json where each split has one of that name."""
    same = sum(other.name == path.name for other in others)
    return path.name if same == 1 else f"{path.parent.name}/{path.name}"


def _parse(path: Path, file: str, images: ImagesOfFile, found: FindingLog) -> tuple[CocoDataset | None, list[Finding]]:
    """As parse_coco, with what tools write differently adapted; a file that is far too large is not even read."""
    too_large = FindingLog(file=file)
    if is_too_large(path.stat().st_size, file, too_large):
        return None, too_large.findings()

    def adapt(content: dict[str, Any]) -> None:
        images.look_at(content)
        adapt_export(content, file, lambda name: _size(images.locate(name)), found)

    try:
        data = read_source_file(path, MAX_BYTES)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise PrepError(f"{_shown([path])} cannot be read ({error.strerror}).") from error
    if data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        with suppress(UnicodeDecodeError):  # else it is said to be no UTF-8
            data = decode_text(data).encode()
    boxes = PolygonBoxes()
    parsed = parse_coco(data, file=file, with_polygons=boxes.draw, adapt=adapt)
    boxes.report(file, found)
    if parsed[0] is None and (other := other_format_of(path, data[:HEAD_LENGTH])) is not None:
        raise PrepError(f"{other}.")
    return parsed


def _size(path: Path | None) -> tuple[int, int] | None:
    """Width and height of an image file; None without one, or if it cannot be read, which writing it says."""
    try:
        header = read_header(path) if path is not None else None
    except (ImageError, OSError):
        return None
    return (header.width, header.height) if header is not None else None


def _class_names(categories: Sequence[Category], file: str, found: FindingLog) -> dict[int, str]:
    """Category id -> class; two categories that become one class are a warning."""
    names = {category.id: class_name(category.name) for category in categories}
    first: dict[str, str] = {}
    for category in categories:
        other = first.setdefault(names[category.id], category.name)
        if other != category.name:
            found.warning(
                "CLASSES_MERGED",
                f"{file}: the categories {other} and {category.name} are taken for one class, {names[category.id]}.",
                "Rename one of them if they mean different things.",
                file=file,
            )
    return names


def _box(annotation: Annotation, names: dict[int, str]) -> SourceBox:
    room_type = annotation.attributes.get("room_type")
    return SourceBox(names[annotation.category_id], annotation.bbox, room_type, annotation.iscrowd)


class _Collected:
    """The images of all files, each with its own id and its own image file."""

    def __init__(self, files: PathSuffixes, found: FindingLog) -> None:
        self.images: dict[int, SourceImage] = {}
        self._found = found
        self._files = files
        self._taken: dict[Path, _Named] = {}

    def add(self, named: _Named) -> None:
        """Take an image in, or say why not."""
        image, file = named.image, named.file
        place: Place = {"file": file, "image_id": image.id}
        path = named.images.find(image, file, self._found, place)
        if path is None:
            return
        other = self._taken.setdefault(path, named)
        if other is not named:
            first = f"image {other.image.id}" + (f" of {other.file}" if other.file != file else "")
            self._found.error(
                "IMAGE_FILE_TWICE",
                f"{file}: {first} and image {image.id} both lead to {path}.",
                "Keep one of the entries, and give its id to the other's annotations."
                if other.image.file_name == image.file_name and other.file == file
                else "Give the folder in which the images are where the paths in the file say.",
                **place,
            )
        else:
            size = image.width, image.height
            boxes, split, folder = named.boxes, named.split, image.source_folder
            self.images[named.image_id] = SourceImage(named.image_id, path, *size, boxes, split, folder=folder)

    def check_unused(self) -> None:
        """Report how many image files no COCO file names."""
        unused = self._files.count - len(self._taken)
        if unused:
            self._found.info(
                "IMAGES_UNUSED",
                f"{unused:,} of the {self._files.count:,} image files there are named by no COCO file, and left out.",
                "Nothing to do if they are not meant to be in the data set.",
            )
