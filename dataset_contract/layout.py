"""Where each file of a data set is, and which relative paths are acceptable."""

from __future__ import annotations

import re
import unicodedata

SPLITS = ("train", "val", "test")
"""The splits, each a folder in the data set's root."""

MANIFEST = "manifest.json"
"""The file that is written last and makes the data set complete."""


def image_file_name(image_id: int) -> str:
    """The COCO `file_name` of an image, relative to its split's folder: images/000001.png."""
    return f"images/{image_id:06d}.png"


def image_path(split: str, image_id: int) -> str:
    """The path of an image relative to the data set's root: train/images/000001.png."""
    return f"{split}/{image_file_name(image_id)}"


def annotations_path(split: str) -> str:
    """The path of a split's COCO file relative to the data set's root: train/annotations.json."""
    return f"{split}/annotations.json"


_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"^[A-Za-z]:")
_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_NOT_ON_WINDOWS = re.compile(r"[<>:\"|?*]|[ .](?:/|$)")
_DEVICE = re.compile(r"(?:^|/)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.[^/]*)?(?:/|$)", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
_MAX_LENGTH = 512
_MAX_PART_BYTES = 255
"""Of the name of a file or folder, on every file system in wide use."""


def path_problem(path: str) -> str | None:
    """Why `path` is not an acceptable relative path (end of the sentence "the path ..."), or None if it is one.

    Acceptable is a relative path with forward slashes that means the same file on every system and in S3:
    no `..`, drive, NUL, backslash, URL or %XX.
    """
    if (
        len(path) <= _MAX_PART_BYTES
        and _PLAIN.fullmatch(path)
        and not (_NOT_ON_WINDOWS.search(path) or _DEVICE.search(path))
    ):
        return None
    reasons = (
        (not path, "is empty"),
        (len(path) > _MAX_LENGTH, f"is longer than {_MAX_LENGTH} characters"),
        (_CONTROL.search(path), "holds a control character"),
        (
            any(len(part.encode(errors="replace")) > _MAX_PART_BYTES for part in path.split("/")),
            f"has a part longer than {_MAX_PART_BYTES} bytes",
        ),
        ("\\" in path, "holds a backslash; only forward slashes are portable"),
        (_URL.match(path), "is a URL, not a file of the data set"),
        (_DRIVE.match(path), "starts with a drive letter"),
        (path.startswith("/"), "is absolute"),
        (path.startswith("~"), "starts with ~"),
        (_PERCENT.search(path), "holds a %XX escape"),
        (any(part == ".." for part in path.split("/")), "leaves its folder by `..`"),
        (any(part in ("", ".") for part in path.split("/")), "has an empty part or `.`"),
        (not path.isprintable(), "holds an unprintable character"),
        (
            _NOT_ON_WINDOWS.search(path),
            'holds one of <>:"|?*, or a part that ends in a space or dot, unlike on Windows',
        ),
        (_DEVICE.search(path), "has a part that is a device's name on Windows"),
    )
    return next((reason for found, reason in reasons if found), None)


def comparable(path: str) -> str:
    """`path` in the form in which file systems that ignore case or normalise Unicode would compare it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
