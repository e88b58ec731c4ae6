"""Finds files by stale paths: the longest path suffix that fits exactly one file, never the base name blindly.

Every image of CubiCasa5K is called F1_original.png; only category/id/F1_original.png says which one is meant.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from urllib.parse import unquote

from dataset_contract.findings import FindingLog
from dataset_prep.sources.image_files import image_files


class PathSuffixes:
    """The images below some folders, by their path's last parts. Unicode's two ways to write ü count as one."""

    def __init__(self, folders: Sequence[Path], found: FindingLog, exclude: Path | None = None) -> None:
        """Lists all images below `folders`, each once, but for those below `exclude`.

        What cannot be looked at is reported in `found`.
        """
        self._by_name: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
        self._folders = {folder.resolve().parts for folder in folders}
        self.count = 0
        for path in sorted(
            {path for folder in self._folders for path in image_files(Path(*folder), found, exclude=exclude)}
        ):
            parts = Path(path).parts
            self._by_name[_composed(parts[-1])].append(parts)
            self.count += 1

    def find(self, stale: str) -> list[Path]:
        """The files that share the longest suffix with `stale`: one if it is found, several if it is ambiguous."""
        return _longest(self._by_name, _parts(stale), _composed)

    def is_certain(self, stale: str, image: Path) -> bool:
        """Whether more than its base name says that `stale` is `image`, which find() returned as the only one.

        That is a folder in common, or that the one or the other path says nothing of a folder.
        """
        parts = _parts(stale)
        return len(parts) == 1 or _common_suffix(image.parts, parts, _composed) > 1 or image.parts[:-1] in self._folders

    def similar(self, stale: str) -> list[Path]:
        """The files whose path ends as that of `stale` does but for case or %XX escapes, with the longest such end."""
        return _longest(self._by_plain_name, list(map(_plain, _parts(stale))), _plain)

    @cached_property
    def _by_plain_name(self) -> dict[str, list[tuple[str, ...]]]:
        plain: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
        for name, candidates in self._by_name.items():
            plain[_plain(name)] += candidates
        return plain


def _parts(stale: str) -> list[str]:
    return [part for part in _composed(stale).replace("\\", "/").split("/") if part not in ("", ".")]


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _plain(name: str) -> str:
    return _composed(unquote(name).casefold())


def _longest(
    by_name: Mapping[str, list[tuple[str, ...]]], parts: Sequence[str], spelling: Callable[[str], str]
) -> list[Path]:
    """The files that share the longest suffix with `parts` in that spelling."""
    candidates = by_name.get(parts[-1], []) if parts else []
    lengths = [_common_suffix(candidate, parts, spelling) for candidate in candidates]
    longest = max(lengths, default=0)
    return [Path(*candidate) for candidate, length in zip(candidates, lengths, strict=True) if length == longest]


def _common_suffix(candidate: Sequence[str], parts: Sequence[str], spelling: Callable[[str], str]) -> int:
    pairs = zip(reversed(candidate), reversed(parts), strict=False)
    return sum(1 for _ in takewhile(lambda pair: spelling(pair[0]) == pair[1], pairs))
