"""Where a YOLO data set keeps its images, labels, class names and splits: data.yaml, or the folders alone."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from dataset_contract.findings import FindingLog
from dataset_contract.sanitise import sanitise
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.sources.image_files import SUFFIXES, image_files
from dataset_prep.sources.source import class_name

_SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_KEYS = frozenset({"names", "nc", "train", "val"})
_MAX_YAML_BYTES = 1 << 20
_INDEX = re.compile("[0-9]{1,4}")
_NAME_FILES = ("classes.txt", "obj.names", "_darknet.labels")


@dataclass(frozen=True)
class YoloLayout:
    """The images of a YOLO data set with their splits (None where it has none), and its class names by index."""

    root: Path
    images: Mapping[str, str | None]
    """By the images' paths: texts, of which there are thousands, and a Path takes ten times as long to handle."""
    names: Mapping[int, str]

    @cached_property
    def classes(self) -> Mapping[int, str]:
        """The classes that the names mean, by index."""
        return {index: class_name(name) for index, name in self.names.items()}

    def relative(self, path: str) -> str:
        """The path of an image or label file as findings name it: from the root, with forward slashes."""
        return _relative(path, self.root)


def find_yaml(source: Path) -> Path | None:
    """The data set's YAML file: `source` itself, or the one in that folder which names classes or splits."""
    if source.is_file():
        return source if source.suffix.lower() in (".yaml", ".yml") else None
    files = sorted(path for path in source.iterdir() if path.suffix.lower() in (".yaml", ".yml") and path.is_file())
    known = [path for path in files if path.name in ("data.yaml", "data.yml", "dataset.yaml")]
    return known[0] if known else next((path for path in files if _KEYS & _read_yaml(path).keys()), None)


def read_layout(source: Path, classes: Sequence[str] | None, found: FindingLog) -> YoloLayout:
    """The layout of the data set at `source`; `classes` are the person's, for sets that name none.

    Raises UsageError if the classes' names are not known, PrepError if data.yaml is broken.
    """
    path = find_yaml(source)
    if path is None:
        root = source
        return YoloLayout(
            root, _images_in_folders(root, found), _names_beside(root) or _asked_names(classes, source, None)
        )
    content = _read_yaml(path)
    names = _names(content, path, found) or _asked_names(classes, path, content.get("nc"))
    images = _images_in_yaml(path, content, found) if _splits(content) else _images_in_folders(path.parent, found)
    return YoloLayout(path.parent, images, names)


def label_path(image: str) -> str:
    """The label file of an image: the last folder `images` becomes `labels`; without one, the file beside it."""
    stem = os.path.splitext(image)[0]  # noqa: PTH122  a Path takes ten times as long, for each of thousands
    before, images, after = f"{os.sep}{stem}".rpartition(f"{os.sep}images{os.sep}")
    return f"{before}{os.sep}labels{os.sep}{after}.txt".removeprefix(os.sep) if images else f"{stem}.txt"


def find_label(image: str) -> str:
    """As label_path, but where only Unicode's other way to write that name is there, as macOS leaves it, that file."""
    path = label_path(image)
    if path.isascii() or os.path.lexists(path):
        return path
    folder, name = os.path.split(path)
    twins = (os.path.join(folder, unicodedata.normalize(form, name)) for form in ("NFC", "NFD"))  # noqa: PTH118
    return next(filter(os.path.lexists, twins), path)


class _Loader(yaml.BaseLoader):
    """Makes only strings, lists and dicts, so that classes called "no" and "on" stay what they are.

    A key that occurs twice is refused, where other loaders let the last one win.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """See the class."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} occurs twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_YAML_BYTES:
            raise yaml.YAMLError(f"it has more than {_MAX_YAML_BYTES:,} bytes")
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_Loader)  # noqa: S506  makes no objects
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = sanitise(str(error).replace("\n", " "))
        raise PrepError(f"{sanitise(path)} is not a YAML file that can be read ({reason}): correct it.") from error
    return content if isinstance(content, dict) else {}


def _names(content: Mapping[str, Any], path: Path, found: FindingLog) -> dict[int, str]:
    value = content.get("names")
    if value in (None, "", [], {}):
        return {}
    named: dict[int, str] | None = None
    if isinstance(value, list):
        named = dict(enumerate(value))
    elif isinstance(value, dict) and all(_INDEX.fullmatch(index) for index in value):
        named = {int(index): name for index, name in value.items()}
    if named is None or len(named) < len(value) or not all(map(_is_name, named.values())):
        raise PrepError(
            f"{path} has `names` that are neither a list of names nor a map from index to name, each once: correct it."
        )
    count = content.get("nc")
    if count is not None and str(count) not in (str(len(named)), str(max(named) + 1)):
        raise PrepError(
            f"{path} has nc: {str(count)[:20]!a}, but {len(named)} names, so that it is unsure which class an index "
            "means: correct it."
        )
    _check_names(named, path.name, found)
    return {index: name for index, name in named.items() if name.strip()}


def _check_names(names: Mapping[int, str], file: str, found: FindingLog) -> None:
    """Two indices of one class: two names that mean the same, or one name given to both by mistake."""
    first: dict[str, int] = {}
    for index, name in names.items():
        other = first.setdefault(class_name(name), index)
        if other == index or not name.strip():
            continue
        message = (
            f"{file} calls the classes {other} and {index} {names[other]} and {name}: both are {class_name(name)}."
        )
        if name.strip().casefold() == names[other].strip().casefold():
            found.error("CLASS_NAME_TWICE", message, "Give every class a name of its own.", file=file)
        else:
            found.warning("CLASSES_MERGED", message, "Rename one of them if they mean different things.", file=file)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and (value.isprintable() or not value.strip())


def _names_beside(root: Path) -> dict[int, str]:
    path = next((root / name for name in _NAME_FILES if (root / name).is_file()), None)
    if path is None:
        return {}
    lines = path.read_text(encoding="utf-8-sig", errors="replace").replace("\r", "").split("\n")
    return {index: sanitise(name) for index, name in enumerate(lines) if name.strip()}


def _asked_names(classes: Sequence[str] | None, where: Path, count: object) -> dict[int, str]:
    """Class names by the order of --classes: only if the person gave it, for a wrong order teaches the wrong thing."""
    if classes is None:
        raise UsageError(
            f"{where} does not say what its classes are called: name them in their order, such as --classes wall,room."
        )
    if count is not None and str(count) != str(len(classes)):
        raise UsageError(
            f"{where} has nc: {count}, but --classes names {len(classes)}: name all of them in their order."
        )
    return dict(enumerate(classes))


def _splits(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The keys of data.yaml that name images, each with its split."""
    return [(key, split) for key, split in _SPLIT_NAMES.items() if content.get(key) not in (None, "", [])]


def _images_in_folders(root: Path, found: FindingLog) -> dict[str, str | None]:
    return {image: _split_in_path(_relative(image, root)) for image in _images(root, found)}


def _images(folder: Path, found: FindingLog) -> Iterator[str]:
    """The paths of the images below `folder`, spelled as a Path spells them: in `.` without it."""
    return (path.removeprefix(f"{os.curdir}{os.sep}") for path in image_files(folder, found))


def _images_in_yaml(path: Path, content: Mapping[str, Any], found: FindingLog) -> dict[str, str | None]:
    images: dict[str, str | None] = {}
    for key, split in _splits(content):
        entries = content[key] if isinstance(content[key], list) else [content[key]]
        if not all(isinstance(entry, str) for entry in [*entries, content.get("path", "")]):
            raise PrepError(f"{path} has a `path` or `{key}` that is neither a text nor a list of texts: correct it.")
        for entry in entries:
            place = _resolve(entry, path.parent, content.get("path", ""))
            if place is None:
                _refuse_split(
                    path, key, f"names {entry} for {key}, and there is no such path below {path.parent}", found
                )
                continue
            folder = place.is_dir()
            listed = list(_images(place, found) if folder else _listed(place, path.parent, found))
            if not listed and folder:
                _refuse_split(path, key, f"names {entry} for {key}, and there is no image", found)
            for image in listed:
                if images.setdefault(image, split) != split:
                    name, first = Path(image).name, images[image]
                    found.warning(
                        "IMAGE_IN_TWO_SPLITS",
                        f"{path.name} puts {name} into {first} and into {split}; the former counts.",
                        "List every image in one split only.",
                        file=os.path.relpath(image, path.parent),
                    )
    return images


def _refuse_split(path: Path, key: str, problem: str, found: FindingLog) -> None:
    """Without the images that are meant for training, a model would be trained on a part of the rest."""
    if key == "train":
        fix = f"Correct {path.name}, or copy the images that it names."
        found.error("TRAIN_FOLDER_ABSENT", f"{path.name} {problem}.", fix, file=path.name)
    else:
        fix = f"Correct {path.name}, or leave it if that split is meant to be absent."
        found.warning("SPLIT_FOLDER_ABSENT", f"{path.name} {problem}.", fix, file=path.name)


def _resolve(entry: str, folder: Path, stale_root: str) -> Path | None:
    """The file or folder that data.yaml means: `path:` is often another machine's, and `../train/images` one up."""
    entry = entry.replace("\\", "/")
    parts = [part for part in entry.split("/") if part not in ("", ".", "..")]
    candidates = [folder / stale_root / entry, folder / entry]
    candidates += [folder.joinpath(*parts[start:]) for start in range(len(parts))]
    # normpath, so that one image has one path however it is reached
    existing = (Path(os.path.normpath(path)) for path in candidates if _exists(path))
    # A folder around the data set, such as /, does not belong to it: somebody's whole disk may be below.
    return next((path for path in existing if path not in Path(os.path.normpath(folder.absolute())).parents), None)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long, say
        return False


def _listed(path: Path, folder: Path, found: FindingLog) -> Iterator[str]:
    """The images that a text file lists, one a line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise PrepError(f"{path} is not a text file ({error}): it should name one image a line.") from error
    seen: dict[Path, str] = {}
    for line in filter(None, map(str.strip, lines)):
        image = _resolve(line, path.parent, "") or _resolve(line, folder, "")
        if image is None or image.is_dir() or image.suffix.lower() not in SUFFIXES:
            found.error(
                "IMAGE_MISSING",
                f"{path.name} lists {line}, and there is no such image.",
                f"Add the image, or take it out of {path.name}.",
                file=path.name,
            )
        elif image in seen:
            found.error(
                "IMAGE_LISTED_TWICE",
                f"{path.name} lists {seen[image]} and {line}, which lead to one and the same image.",
                f"List it once, or correct the paths in {path.name}.",
                file=path.name,
            )
        else:
            seen[image] = line
            yield str(image)


def _relative(path: str, root: Path) -> str:
    """With forward slashes. os.path.relpath takes ten times as long, and thousands of images are below `root`."""
    start = "" if str(root) == os.curdir else f"{root}{os.sep}"
    below = path.startswith(start) and not path.startswith((os.sep, os.pardir), len(start))
    return (path[len(start) :] if below else os.path.relpath(path, root)).replace(os.sep, "/")


def _split_in_path(relative: str) -> str | None:
    folders = relative.lower().split("/")[:-1]
    return next((_SPLIT_NAMES[part] for part in folders if part in _SPLIT_NAMES), None)
