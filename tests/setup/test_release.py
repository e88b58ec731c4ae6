"""A release dates the changelog, writes the version and tags the commit, or changes nothing and says why."""

import os
import subprocess
from pathlib import Path

import pytest

from release import ReleaseError, release

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- a thing\n\n## [0.1.0] - 2026-11-01\n\n- all else\n"
PROJECT = '[project]\nversion = "0.1.0"\n\n[[tool.uv.dependency-metadata]]\nversion = "2.13.0"\n'


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Someone")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "someone@example.org")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "Begin")
    return tmp_path


def test_a_release_is_a_commit_with_a_tag(repository: Path) -> None:
    release("0.2.0", root=repository, date="2026-12-01")
    assert "## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n### Added\n" in (repository / "CHANGELOG.md").read_text()
    assert (repository / "pyproject.toml").read_text() == PROJECT.replace("0.1.0", "0.2.0")
    assert git(repository, "log", "--format=%s %D", "-1").strip() == "Release 0.2.0 HEAD -> main, tag: v0.2.0"
    assert git(repository, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("version", "spoil", "reason"),
    [
        ("", "", "A version is three numbers"),
        ("v0.2", "", "A version is three numbers"),
        ("0.2.0", "echo more >> CHANGELOG.md", "has changes"),
        ("0.2.0", "git tag v0.2.0", "exists already"),
        (
            "0.2.0",
            "printf '# Changelog\\n\\n## [Unreleased]\\n\\n## [0.1.0]\\n' > CHANGELOG.md && git commit -qam x",
            "nothing",
        ),
    ],
)
def test_what_cannot_be_released_is_refused_and_left_alone(
    repository: Path, version: str, spoil: str, reason: str
) -> None:
    subprocess.run(["sh", "-c", spoil], cwd=repository, check=True)
    before = git(repository, "log", "--format=%H %D"), git(repository, "diff"), git(repository, "tag")
    with pytest.raises(ReleaseError, match=reason):
        release(version, root=repository, date="2026-12-01")
    assert (git(repository, "log", "--format=%H %D"), git(repository, "diff"), git(repository, "tag")) == before
