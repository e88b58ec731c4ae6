"""Where a data set is written: a folder, for one run at a time, or nowhere, in a dry run.

May be stopped at any moment, by kill -9 too, and run again: every file appears whole or not at all, and what is there
already is not written again.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dataset_contract.atomic_write import check_folder, write_atomically
from dataset_contract.folder_lock import FolderInUseError, locked_folder
from dataset_contract.layout import MANIFEST, SPLITS
from dataset_contract.manifest import FileEntry
from dataset_contract.stores import DatasetStore, DirectoryStore
from dataset_prep.errors import UsageError

_OURS = re.compile(
    rf"{re.escape(MANIFEST)}|(?:{'|'.join(SPLITS)})/(?:annotations\.json|images/\d{{6,}}\.png)|(?:.*/)?\.[^/]+\.tmp"
)


class Output:
    """A folder that becomes a data set."""

    def __init__(self, root: Path) -> None:
        """`root` need not exist."""
        self.root = root
        self._stale: set[str] = set()

    @property
    def store(self) -> DatasetStore:
        """What the check reads."""
        return DirectoryStore(self.root)

    def check(self) -> None:
        """Raise what opened() would, before the work; makes nothing.

        Raises UsageError if the folder holds anything but a data set or another run writes to it, OSError if it cannot
        be made or written to.
        """
        self._check_content()
        if self.root.is_dir():
            with _locked(self.root):
                pass

    @contextmanager
    def opened(self) -> Iterator[None]:
        """The folder is made, and written to by this run alone, while the block runs; its manifest is taken away first.

        Raises as check() does.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with _locked(self.root):
            self._stale = self._check_content() - {MANIFEST}
            for split in SPLITS:
                (self.root / split / "images").mkdir(parents=True, exist_ok=True)
            self.withdraw()  # until the new manifest is written
            yield

    def put(self, path: str, data: bytes, sha256: str) -> FileEntry:
        """Write a file whose content has that hash, unless it is there; several threads may do so at once."""
        entry = FileEntry(path, len(data), sha256)
        self._stale.discard(path)
        target = self.root / path
        if not _is_there(target, entry):
            write_atomically(target, data)
        return entry

    def remove_stale(self) -> None:
        """Remove what an earlier run left and this one has not put there."""
        for path in sorted(self._stale):
            (self.root / path).unlink(missing_ok=True)  # a temporary file may have been used again

    def withdraw(self) -> None:
        """Take the manifest away, so that nothing, not even `aws s3 sync`, takes the folder for a valid data set."""
        (self.root / MANIFEST).unlink(missing_ok=True)

    def _check_content(self) -> set[str]:
        """The relative paths of all files there. Raises as check() does."""
        if self.root.exists() and not self.root.is_dir():
            raise UsageError(f"{self.root} is a file: give a folder for --output.")
        check_folder(self.root)
        top = {path.name for path in self.root.iterdir()} if self.root.is_dir() else set()
        foreign = sorted(name for name in top - set(SPLITS) if not _OURS.fullmatch(name))
        left: set[str] = set()
        if not foreign:  # only then: the folder may be as large as a home directory
            left = {path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if not path.is_dir()}
            foreign = sorted(path for path in left if not _OURS.fullmatch(path))
        if foreign:
            raise UsageError(
                f"{self.root} holds {foreign[0]}, which does not belong to a data set: give --output a folder of its "
                "own."
            )
        return left


class DryRun(Output):
    """What an Output would become; nothing is written, and only sizes and the JSON files are kept."""

    whole_files = True
    workers = 1

    def __init__(self, root: Path) -> None:
        """`root` as of the Output."""
        super().__init__(root)
        self.location = str(root)
        self._sizes: dict[str, int] = {}
        self._texts: dict[str, bytes] = {}

    @property
    def store(self) -> DatasetStore:
        """See Output."""
        return self

    @contextmanager
    def opened(self) -> Iterator[None]:
        """See Output."""
        yield

    def put(self, path: str, data: bytes, sha256: str) -> FileEntry:
        """See Output."""
        self._sizes[path] = len(data)
        if path.endswith(".json"):
            self._texts[path] = data
        return FileEntry(path, len(data), sha256)

    def remove_stale(self) -> None:
        """See Output."""

    def withdraw(self) -> None:
        """See Output."""

    def list(self) -> Mapping[str, int]:
        """See DatasetStore."""
        return self._sizes

    def refused(self) -> Mapping[str, str]:
        """See DatasetStore."""
        return {}

    def read(self, path: str) -> bytes:
        """See DatasetStore; JSON files only, as the facts of images are known from their writing."""
        return self._texts[path]

    def read_head(self, path: str, length: int) -> bytes:
        """See read()."""
        return self._texts[path][:length]

    def sha256(self, path: str) -> str | None:
        """See read()."""
        return hashlib.sha256(self._texts[path]).hexdigest()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """See locked_folder. Raises UsageError if another run has it."""
    try:
        with locked_folder(folder):
            yield
    except FolderInUseError:
        raise UsageError(
            f"Another run is writing to {folder}: wait until it has ended, or give another --output."
        ) from None


def _is_there(target: Path, entry: FileEntry) -> bool:
    try:
        status = target.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size != entry.size:
            return False
        with target.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256
    except OSError:
        return False
