"""Gathers files of several folders in one temporary folder, which CDK then copies, names by its content and uploads."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""

_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "*.md")


@contextmanager
def staged(sources: Mapping[str, Path]) -> Iterator[Path]:
    """A folder with each source file or folder under its key's path; it is removed at the end of the `with`.

    The same sources give the same content, whatever tests or editors have left beside them.
    """
    with tempfile.TemporaryDirectory(prefix="floorplan-dino-asset-") as directory:
        folder = Path(directory)
        for name, source in sources.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=_LEFT_OUT)
            else:
                shutil.copyfile(source, target)
        yield folder
