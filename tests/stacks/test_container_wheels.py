"""The wheels for the training container: fetched once, whole, and with the hashes of the lock file."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from stacks import container_wheels
from stacks.container_wheels import LOCK_FILE, WheelsError, ensure_wheels

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
    assert {"--require-hashes", "--no-deps", "--only-binary=:all:", "manylinux_2_28_x86_64", "3.12"} <= set(command)
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
        "The wheels of requirements.lock for the training container could not be fetched "
        "(No matching distribution found for some==1.0); connect to the network and try again."
    )


def test_the_lock_file_names_each_package_with_version_and_hash() -> None:
    requirements = LOCK_FILE.read_text().replace("\\\n", " ").splitlines()
    pinned = [line.split() for line in requirements if line and not line.startswith("#")]
    assert {package.partition("==")[0] for package, *_ in pinned} == {
        "protobuf",
        "pycocotools",
        "safetensors",
        "tensorboardX",
    }
    for package, *options in pinned:
        assert "==" in package
        assert options and {option.split(":")[0] for option in options} == {"--hash=sha256"}
    assert container_wheels.WHEELS.name == "wheels"
