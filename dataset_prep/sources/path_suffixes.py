"""Finds files by stale paths: the longest path suffix that fits exactly one file, never the base name blindly.

Every picture of CubiCasa5K is called F1_original.png; only category/id/F1_original.png says which one is meant.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from dataset_prep.images import SUFFIXES


class PathSuffixes:
    """The pictures below some folders, by their path's last parts."""

    def __init__(self, folders: Sequence[Path], without: Path | None = None) -> None:
        """Lists all pictures below `folders`, each once, but for those below `without`."""
        skipped = without.resolve() if without else None
        self._by_name: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
        self.count = 0
        for path in sorted({path for folder in folders for path in _pictures(folder, skipped)}):
            parts = Path(path).parts
            self._by_name[parts[-1]].append(parts)
            self.count += 1

    def find(self, stale: str) -> list[Path]:
        """The files that share the longest suffix with `stale`: one if it is found, several if it is ambiguous."""
        parts = [part for part in stale.replace("\\", "/").split("/") if part not in ("", ".")]
        candidates = self._by_name.get(parts[-1], []) if parts else []
        lengths = [_common_suffix(candidate, parts) for candidate in candidates]
        longest = max(lengths, default=0)
        return [Path(*candidate) for candidate, length in zip(candidates, lengths, strict=True) if length == longest]


def _pictures(folder: Path, skipped: Path | None) -> Iterator[str]:
    for directory, folders, names in os.walk(folder.resolve()):
        if skipped is not None and Path(directory) == skipped:
            folders.clear()
            continue
        for name in names:
            if os.path.splitext(name)[1].lower() in SUFFIXES:  # noqa: PTH122  Path objects would double the memory
                yield os.path.join(directory, name)  # noqa: PTH118  as above


def _common_suffix(candidate: Sequence[str], parts: Sequence[str]) -> int:
    length = 0
    for ours, theirs in zip(reversed(candidate), reversed(parts), strict=False):
        if ours != theirs:
            break
        length += 1
    return length
