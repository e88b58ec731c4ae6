"""COCO files, from wherever they come, to images with boxes: stale paths resolved, classes taken by their names."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from dataset_contract.bounded_read import read_regular
from dataset_contract.coco import Annotation, Category, CocoDataset, Image, parse_coco
from dataset_contract.findings import Finding, FindingLog, Place
from dataset_contract.sanitise import sanitise
from dataset_contract.strict_json import MAX_BYTES, is_too_large
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.sources.source import Source, SourceBox, SourceImage, class_name
from dataset_prep.sources.source_files import LEADS_OUT, SourceFolders
from dataset_prep.sources.stale_paths import PathSuffixes

_SPLIT_WORDS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_SECTION = re.compile(rb'"(?:images|annotations|categories)"\s*:\s*\[')
_HEAD = 4096  # enough of a file to see whether it can be COCO
_COCO_NAME = re.compile("annotations|coco|instances|train|val|test")


def find_annotations(source: Path, *, any_json: bool = False) -> list[Path]:
    """The COCO files at `source`: the file itself, or those JSON files in the folder (and `annotations/`, and a folder
    for each split) that have COCO's sections, or all with `any_json`.

    Raises UsageError if one leads out of the source.
    """
    if source.is_file():
        return [source] if source.suffix.lower() == ".json" else []
    places = [source, source / "annotations", *(source / word for word in _SPLIT_WORDS)]
    files = [path for place in places if place.is_dir() for path in sorted(place.glob("*.json")) if path.is_file()]
    found = [path for path in files if path.name != "manifest.json" and (any_json or _looks_like_coco(path))]
    folders = SourceFolders([source])
    for path in found:
        if not folders.hold(path):
            raise UsageError(f"{_shown([path])} {LEADS_OUT}: name it with --annotations if it belongs to the data set.")
    return found


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
        raise UsageError(f"There is no image below {_shown(folders)}: give the images' folder with --images.")
    named: list[tuple[Image, tuple[SourceBox, ...], str, str | None]] = []
    findings: list[Finding] = []
    for path in annotations:
        file = _short_name(path, annotations)
        dataset, problems = _parse(path, file)
        findings += problems
        if dataset is None:
            continue
        names = _class_names(dataset.categories, file, found)
        boxes: defaultdict[int, list[SourceBox]] = defaultdict(list)
        for annotation in sorted(dataset.annotations, key=lambda annotation: annotation.id):
            boxes[annotation.image_id].append(_box(annotation, names))
        split = _split_of(path)
        named += [(image, tuple(boxes[image.id]), file, split) for image in dataset.images]
    collected = _Collected(files, found)
    for entry in sorted(named, key=lambda entry: entry[0].id)[:limit]:
        collected.add(*entry)
        advance(1)
    if limit is None:
        collected.check_unused()
    findings += found.findings()
    if not collected.images:
        first = next((finding.message for finding in findings), "no COCO file names an image.")
        raise PrepError(f"None of the images in {_shown(annotations)} can be used; the first problem: {first}")
    return Source("coco", list(collected.images.values()), findings)


def _shown(paths: Sequence[Path]) -> str:
    return sanitise(", ".join(map(str, paths)))


def _short_name(path: Path, others: Sequence[Path]) -> str:
    """How findings name a COCO file: train/_annotations.coco.json where each split has one of that name."""
    same = sum(other.name == path.name for other in others)
    return path.name if same == 1 else f"{path.parent.name}/{path.name}"


def _parse(path: Path, file: str) -> tuple[CocoDataset | None, list[Finding]]:
    """As parse_coco, but a file that is far too large is not even read."""
    found = FindingLog(file=file)
    if is_too_large(path.stat().st_size, file, found):
        return None, found.findings()
    return parse_coco(read_regular(path, MAX_BYTES), file=file)


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
        self.found = found
        self.images: dict[int, SourceImage] = {}
        self._files = files
        self._taken: dict[Path, int] = {}

    def add(self, image: Image, boxes: tuple[SourceBox, ...], file: str, split: str | None) -> None:
        """Take an image in, or say why not."""
        place: Place = {"file": file, "image_id": image.id}
        path = self._find(image, file, place)
        if path is None:
            return
        if image.id in self.images:
            self.found.error(
                "IMAGE_ID_TWICE",
                f"{file}: the image id {image.id} occurs in another file too.",
                "Give the images ids that are unique over all files.",
                **place,
            )
        elif path in self._taken:
            self.found.error(
                "IMAGE_FILE_TWICE",
                f"{file}: the images {self._taken[path]} and {image.id} both lead to {path}.",
                "Give the folder in which the images are where the paths in the file say.",
                **place,
            )
        else:
            self._taken[path] = image.id
            self.images[image.id] = SourceImage(
                image.id, path, image.width, image.height, boxes, split, folder=image.source_folder
            )

    def check_unused(self) -> None:
        """Report how many image files no COCO file names."""
        unused = self._files.count - len(self._taken)
        if unused:
            self.found.info(
                "IMAGES_UNUSED",
                f"{unused:,} of the {self._files.count:,} image files there are named by no COCO file, and left out.",
                "Nothing to do if they are not meant to be in the data set.",
            )

    def _find(self, image: Image, file: str, place: Place) -> Path | None:
        candidates = self._files.find(image.file_name)
        if not candidates:
            similar = self._files.similar(image.file_name)
            hint = f"; there is {_some(similar)}, which is spelled differently" if similar else ""
            self.found.error(
                "IMAGE_MISSING",
                f"{file}: image {image.id} is {image.file_name}, and there is no such file{hint}.",
                "Give the folder that holds it with --images, or correct the name in the file.",
                **place,
            )
            return None
        if len(candidates) == 1:
            if self._files.is_certain(image.file_name, candidates[0]):
                return candidates[0]
            self.found.error(
                "IMAGE_UNCERTAIN",
                f"{file}: image {image.id} is {image.file_name}; the only file of that name is {candidates[0]}, in "
                "another folder.",
                "Give that very folder with --images if it is the same image, else the right one's folder.",
                **place,
            )
            return None
        by_name = not any(self._files.is_certain(image.file_name, candidate) for candidate in candidates)
        fits = "by its base name only, in other folders, fits" if by_name else "fits"
        self.found.error(
            "IMAGE_AMBIGUOUS",
            f"{file}: image {image.id} is {image.file_name}, which {fits} {len(candidates)} files: "
            f"{_some(candidates)}.",
            "Add the image if it is missing, else give the one folder that is meant with --images."
            if by_name
            else "Give the one folder that is meant with --images.",
            **place,
        )
        return None


def _some(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths[:3])) + (", ..." if len(paths) > 3 else "")


def _split_of(path: Path) -> str | None:
    """The split that a file's name, or else its folder's, names: instances_val2017.json, valid/_annotations.json."""
    for name in (path.stem, path.parent.name):
        words = [_SPLIT_WORDS[word] for word in re.split(r"[^a-z]+", name.lower()) if word in _SPLIT_WORDS]
        if words:
            return words[0]
    return None


def _looks_like_coco(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if _SECTION.search(head):
        return True
    try:  # a long `info` may come before the sections
        content = json.loads(path.read_bytes()) if path.stat().st_size < 1 << 20 else {}
    except (ValueError, RecursionError):  # broken: if it is called like a COCO file, reading it says how
        return _COCO_NAME.search(path.name.lower()) is not None
    return isinstance(content, dict) and isinstance(content.get("images"), list)
