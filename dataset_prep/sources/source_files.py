"""Which files belong to a source, and reading its texts: what leads out of its folders is not read."""

from __future__ import annotations

import codecs
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from dataset_contract.bounded_read import read_regular
from dataset_contract.file_kinds import LFS_POINTER
from dataset_contract.findings import FindingLog
from dataset_contract.sanitise import sanitise
from dataset_prep.errors import PrepError, UsageError

MAX_LIST_BYTES = 32 << 20
"""The largest list of images or names that is read: half a million lines."""
LEADS_OUT = "is a symbolic link that leads out of the source"
"""Why such a file is not read: the end of a sentence."""


def decode_text(data: bytes) -> str:
    """A text in UTF-8, or in UTF-16 as PowerShell writes it, without its byte order mark. Raises UnicodeDecodeError."""
    return data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")


def decode_head(head: bytes) -> str:
    """The beginning of a text, however it is encoded, for searches in it."""
    return head.replace(b"\0", b"").decode("latin-1")


def read_source_file(path: str | Path, longest: int, *, follow: bool = True) -> bytes:
    """As read_regular; also raises OSError (EINVAL) for what Git LFS left in the file's place."""
    data = read_regular(path, longest, follow=follow)
    if data.startswith(LFS_POINTER):
        problem = "it is a Git LFS pointer, not the file itself: get that with `git lfs pull` in the clone"
        raise OSError(errno.EINVAL, problem, str(path))
    return data


def is_hidden(folder: str) -> bool:
    """Whether a folder of that name is none of the source's: hidden, or macOS's __MACOSX of an archive."""
    return folder.startswith((".", "__"))


def files_in(folder: Path, *suffixes: str) -> list[Path]:
    """The files in `folder` that end so, in whatever case, but for hidden ones: macOS leaves a ._plan.txt for each file
    in an archive, and what it holds is no text."""
    files = (path for path in folder.iterdir() if path.suffix.lower() in suffixes and not path.name.startswith("."))
    return sorted(path for path in files if path.is_file())


def folders_in(folder: Path) -> list[Path]:
    """The folders in `folder`, one level down, but for hidden ones and links."""
    inner = (path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    return sorted(path for path in inner if not is_hidden(path.name))


def several_data_sets(source: Path, files: Iterable[Path]) -> UsageError:
    """The error that each of `files` below `source` is a data set's own."""
    names = " and ".join(path.relative_to(source).as_posix() for path in files)
    return UsageError(
        f"{sanitise(source)} holds several data sets, by {sanitise(names)}: give the folder of one with --source."
    )


class SourceFolders:
    """The folders that a person named as a source's. Several threads may use it at once."""

    def __init__(self, folders: Iterable[Path]) -> None:
        """`folders` may be links themselves, since the person named them."""
        self._roots = [os.path.realpath(folder) for folder in folders]
        self._known: dict[str, bool] = {}

    def hold(self, path: str | Path) -> bool:
        """Whether `path`, with its links followed, is in one of the folders."""
        plain = not os.path.islink(path)  # noqa: PTH114  a Path takes longer, for each of thousands
        if plain and self._hold_folder(os.path.dirname(path)):  # noqa: PTH120  as above
            return True
        return self._is_inside(os.path.realpath(path))

    def read(self, path: str, longest: int) -> bytes:
        """The bytes of a file. Raises OSError as read_regular does, and ELOOP if the file leads out of the folders."""
        if self._hold_folder(os.path.dirname(path)):  # noqa: PTH120  as above
            try:
                return read_source_file(path, longest, follow=False)
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise
            if self._is_inside(os.path.realpath(path)):
                return read_source_file(path, longest)
        raise OSError(errno.ELOOP, "it leads out of the source", path)

    def read_text(self, path: Path, longest: int = MAX_LIST_BYTES) -> str:
        """The text of a file, as decode_text. Raises PrepError if there is none."""
        try:
            return decode_text(self.read(str(path), longest))
        except UnicodeDecodeError as error:
            reason = f"byte {error.start:,} is wrong"
            raise PrepError(
                f"{sanitise(path)} is not a text file in UTF-8 or UTF-16 ({reason}): save it as one."
            ) from error
        except OSError as error:
            reason = sanitise(error.strerror or error)
            raise PrepError(f"{sanitise(path)} cannot be read ({reason}): put the file itself there.") from error

    def _hold_folder(self, folder: str) -> bool:
        known = self._known.get(folder)
        if known is None:
            known = self._known[folder] = self._is_inside(os.path.realpath(folder or os.curdir))
        return known

    def _is_inside(self, real: str) -> bool:
        return any(Path(real).is_relative_to(root) for root in self._roots)


def report_linked_folder(place: str, found: FindingLog) -> None:
    """Add a warning: the folder at `place` leads out of the source."""
    found.warning(
        "FOLDER_LINKED",
        f"{place} is a symbolic link to a folder elsewhere, which was not looked into.",
        "Give that folder itself, or copy it here, if its images belong to the source.",
        file=place,
    )


def report_refused(place: str, problem: str, found: FindingLog) -> None:
    """Add an error: the file at `place` is not read, as `problem` says."""
    fix = "Put the image itself there, or take it out of the source."
    found.error("FILE_REFUSED", f"{place} {problem}.", fix, file=place)
