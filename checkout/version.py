"""The version of the code that this checkout deploys, which the stack tells as its output CodeVersion."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""

DEPLOYED = (
    "app.py",
    "cdk.json",
    "archive_reader",
    "dataset_contract",
    "drawing",
    "evaluation",
    "image_reader",
    "lambda",
    "prediction",
    "stacks",
    "training_code",
)
"""The files and folders that the stacks and what runs in them are made from; not what `cdk deploy -c` gives."""

_LENGTH = 12
"""Hexadecimal digits: enough to tell the versions of one project apart."""


def code_version(root: Path = ROOT) -> str:
    """The first digits of a SHA-256 over names and contents of what is deployed, without caches and hidden files."""
    digest = hashlib.sha256()
    for path in sorted(path for name in DEPLOYED for path in _files(root / name)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:_LENGTH]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [
        file
        for file in path.rglob("*")
        if file.is_file()
        and file.suffix not in (".pyc", ".md")
        and not any(part.startswith((".", "__pycache__")) for part in file.relative_to(path).parts)
    ]
