"""The code of an earlier commit, for the side of a comparison that runs it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measuring import ROOT


@contextmanager
def checkout_of(commit: str, folder: Path) -> Iterator[Path]:
    """The files of an earlier `commit` in `folder`, as long as the block lasts."""
    worktree = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*worktree, "add", "--quiet", "--detach", str(folder), commit], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*worktree, "remove", "--force", str(folder)], check=True)
