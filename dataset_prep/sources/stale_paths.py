"""Finds files by stale paths: the longest path suffix that fits exactly one file, never the base name blindly.

Every image of CubiCasa5K is called F1_original.png; only category/id/F1_original.png says which one is meant.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import takewhile
from operator import itemgetter
from pathlib import Path
from urllib.parse import unquote

from dataset_contract.findings import FindingLog
from dataset_prep.sources.image_files import image_files


def path_of_address(address: str) -> str:
    """The path that an address means, as tools write it for images that they only refer to.

    Label Studio's /data/local-files/?d=plans/a%20b.png is plans/a b.png, and https://example.org/a.png?size=2 is
    example.org/a.png.
    """
    for query in ("?d=", "?filepath="):
        address = address.rpartition(query)[2]
    _, host, path = address.partition("://")
    return unquote(re.split("[?#]", path, maxsplit=1)[0] if host else address)


class PathSuffixes:
    """The images below some folders, by their path's last parts. Unicode's two ways to write ü count as one."""

    def __init__(self, folders: Sequence[Path], found: FindingLog, exclude: Path | None = None) -> None:
        """Lists all images below `folders`, each once, but for those below `exclude`.

        What cannot be looked at is reported in `found`.
        """
        self._folders = {folder.resolve().parts for folder in folders}
        self._files = {path for folder in self._folders for path in image_files(Path(*folder), found, exclude=exclude)}
        self._by_name = _Suffixes(self._files, _composed)
        self.count = len(self._files)

    def find(self, stale: str) -> list[Path]:
        """The files that share the longest suffix with `stale`: one if it is found, several if it is ambiguous."""
        return self._by_name.longest(_parts(stale))

    def path_of(self, name: str) -> str:
        """`name` as a path: what it means as an address (path_of_address), unless a file is called as it is written."""
        path = path_of_address(name)
        if path == name or any(self.is_certain(name, image) for image in self.find(name)):
            return name
        return path if self.find(path) else name

    def is_certain(self, stale: str, image: Path) -> bool:
        """Whether more than its base name says that `stale` is `image`, which find() returned as the only one.

        That is a folder in common, or that the one or the other path says nothing of a folder.
        """
        parts = _parts(stale)
        in_common = _count_common(map(_composed, reversed(image.parts)), reversed(parts))
        return len(parts) == 1 or in_common > 1 or image.parts[:-1] in self._folders

    def similar(self, stale: str) -> list[Path]:
        """The files whose path ends as that of `stale` does but for case or %XX escapes, with the longest such end."""
        return self._by_plain_name.longest(list(map(_plain, _parts(stale))))

    @cached_property
    def _by_plain_name(self) -> _Suffixes:
        return _Suffixes(self._files, _plain)


class _Suffixes:
    """Paths in the order of their parts from the last to the first, so that those with a suffix in common are together.

    Looking at all files of a name instead takes half a minute of CPU for the 4,194 plans that are all called alike.
    """

    def __init__(self, paths: Iterable[str], spelling: Callable[[str], str]) -> None:
        self._entries = sorted((tuple(map(spelling, reversed(Path(path).parts))), path) for path in paths)

    def longest(self, parts: Sequence[str]) -> list[Path]:
        """The files that share the longest suffix with `parts`, which are in that spelling; none without the name."""
        wanted = tuple(reversed(parts))
        at = bisect_left(self._entries, wanted, key=itemgetter(0))
        length = max((_count_common(end, wanted) for end, _ in self._entries[max(at - 1, 0) : at + 1]), default=0)
        if not length:
            return []
        first, last = (
            cut(self._entries, wanted[:length], key=lambda entry: entry[0][:length])
            for cut in (bisect_left, bisect_right)
        )
        return sorted(Path(path) for _, path in self._entries[first:last])


def _parts(stale: str) -> list[str]:
    return [part for part in _composed(stale).replace("\\", "/").split("/") if part not in ("", ".")]


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _plain(name: str) -> str:
    return _composed(unquote(name).casefold())


def _count_common(one: Iterable[str], other: Iterable[str]) -> int:
    """How many parts are the same from the beginning on."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
