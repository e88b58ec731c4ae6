"""Makes a release of the commit that is checked out: changelog, version, commit, tag. `make release` calls it.

python -m release 0.2.0
"""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent


class ReleaseError(Exception):
    """Why there is no release; the text is one sentence for people."""


def release(version: str, *, root: Path, date: str) -> None:
    """Give what the changelog has under Unreleased its version and date, and tag the commit that says so.

    Raises ReleaseError.
    """
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise ReleaseError(f"A version is three numbers, not {version!r}: say make release VERSION=1.2.3.")
    if _git(root, "status", "--porcelain"):
        raise ReleaseError("The working tree has changes: commit them first, or stash them.")
    if _git(root, "tag", "--list", f"v{version}"):
        raise ReleaseError(f"The tag v{version} exists already: take the next version.")
    changelog, project = root / "CHANGELOG.md", root / "pyproject.toml"
    entries = re.search(r"^## \[Unreleased\]\n(.*?)(?=^## |\Z)", changelog.read_text(), re.MULTILINE | re.DOTALL)
    if entries is None or not entries[1].strip():
        raise ReleaseError("CHANGELOG.md has nothing under [Unreleased]: write there what changes for its users.")
    head = "## [Unreleased]\n"
    changelog.write_text(changelog.read_text().replace(head, f"{head}\n## [{version}] - {date}\n", 1))
    project.write_text(re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', project.read_text(), count=1))
    _git(root, "commit", "--quiet", "--message", f"Release {version}", "CHANGELOG.md", "pyproject.toml")
    _git(root, "tag", "--annotate", f"v{version}", "--message", f"Release {version}")


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise ReleaseError(f"`git {arguments[0]}` failed: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    try:
        release("".join(sys.argv[1:]), root=ROOT, date=datetime.now(UTC).date().isoformat())
    except ReleaseError as error:
        sys.exit(str(error))
