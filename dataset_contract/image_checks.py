"""Whether images fit the layout: their names, and their files' headers beside what the JSON says of them."""

from __future__ import annotations

from collections.abc import Mapping

from dataset_contract.coco_types import CocoDataset, Image
from dataset_contract.file_facts import FileFacts
from dataset_contract.findings import Finding, FindingLog, Place
from dataset_contract.layout import comparable, image_file_name, path_problem
from dataset_contract.png import MAX_PIXELS
from dataset_contract.sanitise import short

_PREPARE_AGAIN = (
    "Replace the image in the source if it is damaged there too, and run dataset_prep/run.py on it again: it writes "
    "8-bit RGB or grey PNGs."
)


def check_file_names(dataset: CocoDataset, *, split: str | None = None, file: str | None = None) -> list[Finding]:
    """Whether every `file_name` is an acceptable relative path, used once, and the one the layout has for its id."""
    found = FindingLog(split=split, file=file)
    seen: dict[str, Image] = {}
    for image in dataset.images:
        name = image.file_name
        if (problem := path_problem(name)) is not None:
            found.error(
                "FILE_NAME_REFUSED",
                f"Image {image.id} has the file_name {short(name)}, which {problem}.",
                f"Call it {image_file_name(image.id)}.",
                image_id=image.id,
            )
            continue
        other = seen.setdefault(comparable(name), image)
        if other is not image:
            how = "the same file_name" if other.file_name == name else "file_names that some file systems take for one"
            found.error(
                "FILE_NAME_TWICE",
                f"Images {other.id} and {image.id} have {how}: {short(other.file_name)} and {short(name)}.",
                f"Call the second {image_file_name(image.id)}.",
                image_id=image.id,
            )
        elif name != image_file_name(image.id):
            found.warning(
                "FILE_NAME_UNUSUAL",
                f"Image {image.id} has the file_name {short(name)}, not {image_file_name(image.id)}.",
                f"Call it {image_file_name(image.id)}.",
                image_id=image.id,
            )
    return found.findings()


def check_image_files(
    dataset: CocoDataset, facts: Mapping[str, FileFacts], *, split: str, file: str | None = None
) -> list[Finding]:
    """Whether every image's file is a sound PNG of the size and mode that the JSON and the layout promise.

    Args:
        dataset: the split's data.
        facts: path -> facts of the files that are there and could be read.
        split: the split.
        file: how findings name the COCO file.
    """
    found = FindingLog(split=split, file=file)
    for image in dataset.images:
        path = f"{split}/{image.file_name}"
        known = facts.get(path)
        if known is not None:
            _check_image_file(image, path, known, found)
    return found.findings()


def _check_image_file(image: Image, path: str, known: FileFacts, found: FindingLog) -> None:
    place: Place = {"file": path, "image_id": image.id}
    if known.png_problem is not None:
        code, problem = known.png_problem
        found.error(code, f"{path} {problem}.", _PREPARE_AGAIN, **place)
    header = known.png_header
    if header is None:
        return
    if header.width * header.height > MAX_PIXELS:
        found.error(
            "IMAGE_TOO_LARGE",
            f"{path} has {header.width}x{header.height} pixels, more than the {MAX_PIXELS:,} that are accepted.",
            "Make the image smaller, and its boxes with it.",
            **place,
        )
    if not header.is_plain:
        found.error(
            "IMAGE_MODE",
            f"{path} is a {header.mode} image; training takes 8-bit RGB or grey.",
            _PREPARE_AGAIN,
            **place,
        )
    if (header.width, header.height) != (image.width, image.height):
        hint = _size_hint(header.width, header.height, image)
        found.error(
            "IMAGE_SIZE_DIFFERS",
            f"{path} has {header.width}x{header.height} pixels, but the JSON says {image.width}x{image.height}{hint}.",
            "Make sure that the boxes were drawn on this image at this scale, and correct the JSON's size.",
            **place,
        )


def _size_hint(width: int, height: int, image: Image) -> str:
    """What a wrong size looks like, as the end of the sentence that names both sizes."""
    if (height, width) == (image.width, image.height):
        return ": width and height are swapped"
    across, down = width / image.width, height / image.height
    if abs(across - down) <= 0.01 * across:
        return f": the same image at {across:.3g} times the size, it seems, as F1_scaled.png is of F1_original.png"
    return ""
