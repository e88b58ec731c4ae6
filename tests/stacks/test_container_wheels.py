"""The wheels for the training container and for Lambda: fetched once, whole, and with the hashes of the lock file."""

import hashlib
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from stacks.container_wheels import LOCK_FILE, WheelsError, ensure_wheels
from stacks.staging import ROOT

CONTENT = b"a wheel"
NAME = "some-1.0-cp312-abi3-manylinux_2_28_x86_64.whl"


class FakePip:
    """Stands for `pip download`: writes what it is told into --dest."""

    def __init__(self, files: dict[str, bytes] | None) -> None:
        self.files = files
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        if self.files is None:
            errors = "ERROR: Could not find a version\nERROR: No matching distribution found for some==1.0\n"
            return subprocess.CompletedProcess(command, 1, "", errors)
        for name, content in self.files.items():
            (Path(command[command.index("--dest") + 1]) / name).write_bytes(content)
        return subprocess.CompletedProcess(command, 0, "", "")


@pytest.fixture
def lock_file(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.lock"
    path.write_text(f"some==1.0 --hash=sha256:{hashlib.sha256(CONTENT).hexdigest()}\n")
    return path


def test_they_are_fetched_once(lock_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip = FakePip({NAME: CONTENT})
    monkeypatch.setattr(subprocess, "run", pip)
    for _ in range(2):
        wheels = ensure_wheels(lock_file=lock_file, wheels=tmp_path / "build" / "wheels")
        assert [path.name for path in wheels.iterdir()] == [NAME]
    (command,) = pip.commands
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:", "--platform=manylinux_2_28_x86_64", "3.12"} <= set(
        command
    )
    assert list((tmp_path / "build").iterdir()) == [wheels], "no temporary folder stays behind"


def test_what_is_damaged_or_old_is_replaced(lock_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", FakePip({NAME: CONTENT}))
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / NAME).write_bytes(CONTENT[:3])
    (wheels / "older-0.9-py3-none-any.whl").write_bytes(b"old")
    ensure_wheels(lock_file=lock_file, wheels=wheels)
    assert {path.name: path.read_bytes() for path in wheels.iterdir()} == {NAME: CONTENT}


def test_without_network_it_says_so_in_one_sentence(
    lock_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", FakePip(None))
    with pytest.raises(WheelsError) as refusal:
        ensure_wheels(lock_file=lock_file, wheels=tmp_path / "wheels")
    assert str(refusal.value) == (
        f"The wheels of {lock_file} could not be fetched "
        "(No matching distribution found for some==1.0); connect to the network and try again."
    )


def test_without_pip_it_says_so(lock_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an environment that uv has made."""
    failed = subprocess.CompletedProcess([], 1, "", "/x/.venv/bin/python: No module named pip\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(WheelsError, match=r"\(.*: No module named pip\); install pip into this environment and try"):
        ensure_wheels(lock_file=lock_file, wheels=tmp_path / "wheels")


def test_a_checkout_that_cannot_be_written_is_one_sentence(lock_file: Path, tmp_path: Path) -> None:
    (tmp_path / "build").write_text("a file where the folder would be")
    with pytest.raises(WheelsError, match=r"build/wheels cannot be read or written \(Not a directory\): deploy from a"):
        ensure_wheels(lock_file=lock_file, wheels=tmp_path / "build" / "wheels")


def test_the_lock_file_pins_the_containers_packages_at_the_versions_that_are_tested_here() -> None:
    pins = re.findall(r"^([\w-]+==[\w.]+) \\\n    --hash=sha256:", LOCK_FILE.read_text(), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert [pin.partition("==")[0] for pin in pins] == project["dependency-groups"]["container"]
    tested = (ROOT / "requirements.lock").read_text()
    assert [pin for pin in pins if f"\n{pin} " not in tested] == []
