"""The folder that results are written to: by one command at a time, each name's within it, without what is outdated."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dataset_contract.atomic_write import LONGEST_STEM, check_folder, written_file
from dataset_contract.folder_lock import FolderInUseError, locked_folder
from dataset_contract.layout import comparable
from dataset_contract.sanitise import sanitise, written_name
from prediction.command.errors import PredictionError, PredictionUsageError
from prediction.command.record import SUFFIX, Record, read_record
from prediction.formats.drawing import DRAWING
from prediction.formats.registry import COMBINED, PER_PLAN
from prediction.plans.errors import PlanError

_SUFFIXES = {DRAWING, *PER_PLAN.values()}
_OURS = (SUFFIX, *_SUFFIXES, *(each.file_name for files in COMBINED.values() for each in files))
_PAGE = re.compile(rf"(page-[1-9][0-9]*){re.escape(SUFFIX)}")


class ResultsFolder:
    """The folder, by the names of the plans, or pages, that its files are of."""

    def __init__(self, root: Path) -> None:
        """`root` need not exist."""
        self.root = root
        self._tidied: set[Path] = set()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Makes the folder; no other command writes to it while the block runs.

        Raises PredictionError if it cannot be written, PredictionUsageError if another command has it.
        """
        with ExitStack() as stack:
            try:
                check_folder(self.root)
                self.root.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked_folder(self.root))
                self._tidy(self.root)
            except FolderInUseError:
                raise PredictionUsageError(
                    f"Another command writes to {self.root}: wait until it has ended, or give another --to."
                ) from None
            except OSError as error:
                raise cannot_be_written(self.root, error) from None
            yield

    def path(self, name: str, suffix: str) -> Path:
        """Of a file of the plan, or page, of this name."""
        return self.root / f"{name}{suffix}"

    def read(self, name: str) -> Record | None:
        """The record of an earlier command; what one that was killed left half written beside it is removed.

        Raises PlanError if nothing of this name may or can be written here.
        """
        folder = self.path(name, SUFFIX).parent
        self._check_inside(folder)
        if (length := len(os.fsencode(name.rpartition("/")[2]))) > LONGEST_STEM:
            raise PlanError(f"has a name of {length} bytes, too long with the results' endings: rename it")
        self._tidy(folder)
        record = read_record(self.path(name, SUFFIX))
        if record is None or record.result.plan == written_name(name):
            return record
        if comparable(record.result.plan) == comparable(written_name(name)):
            raise PlanError(
                f"would be written where the results of {sanitise(record.result.plan)} are, as names that differ in"
                " their letters' case only are one here: give another --to, or remove those"
            )
        self.remove(name, record)  # of another plan, whose results were moved here
        return None

    def remove(self, name: str, record: Record) -> None:
        """Remove the files of this name that the record tells of, and then the record."""
        for suffix in set(record.files) & _SUFFIXES:
            self.path(name, suffix).unlink(missing_ok=True)
        self.path(name, SUFFIX).unlink(missing_ok=True)

    def remove_other_pages(self, plan: str, pages: Collection[str]) -> None:
        """Remove what was written when the plan had other pages than those of the names `pages`. Raises PlanError."""
        folder = self.root / plan
        found = (_PAGE.fullmatch(path.name) for path in (folder.iterdir() if folder.is_dir() else ()))
        earlier = {plan, *(f"{plan}/{match[1]}" for match in found if match)}
        for name in earlier - set(pages):
            self._check_inside(self.path(name, SUFFIX).parent)
            if (record := read_record(self.path(name, SUFFIX))) is not None:
                self.remove(name, record)

    def _check_inside(self, folder: Path) -> None:
        if not Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(self.root)):
            raise PlanError(f"would be written outside of {self.root}, by a symbolic link there: remove the link")

    def _tidy(self, folder: Path) -> None:
        if folder in self._tidied:
            return
        self._tidied.add(folder)
        for path in list(folder.iterdir()) if folder.is_dir() else ():
            if (written_file(path.name) or "").endswith(_OURS):
                path.unlink(missing_ok=True)


def cannot_be_written(path: Path, error: OSError) -> PredictionError:
    """For a folder, or a file of all plans."""
    return PredictionError(
        f"{path} cannot be written ({error.strerror}): name a folder that you may write to, with room on its disk."
    )
