"""Fetches the Python packages that a runtime on AWS lacks: SageMaker's image, and Lambda for the serving function.

Neither has a network or a compiler for them: their wheels travel with the code.

python -m stacks.container_wheels    # into build/wheels, unless they are there already
"""

import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from stacks.staging import ROOT

LOCK_FILE = ROOT / "training_code" / "requirements.lock"
WHEELS = ROOT / "build" / "wheels"
PYTHON = "3.12"
"""That of the image."""

# Amazon Linux 2023 (glibc 2.34) on x86-64: the image's system, and Lambda's.
_PLATFORMS = tuple(f"manylinux{version}_x86_64" for version in ("_2_28", "_2_27", "_2_24", "_2_17", "2014"))


class WheelsError(Exception):
    """The wheels are not there and could not be fetched; the text is one sentence for people."""


def ensure_wheels(*, lock_file: Path = LOCK_FILE, wheels: Path = WHEELS, python: str = PYTHON) -> Path:
    """Return `wheels`, a folder with one wheel for each package of `lock_file`; fetch them if it is not that.

    `python` is the version that the runtime has.

    Raises WheelsError.
    """
    try:
        if not _holds(wheels, lock_file):
            _fetch(lock_file, wheels, python)
            if not _holds(wheels, lock_file):
                raise WheelsError(f"{wheels} does not hold what {lock_file} names: delete the folder and try again.")
    except OSError as error:
        raise WheelsError(
            f"{error.filename or wheels} cannot be read or written ({error.strerror}): deploy from a checkout that you "
            f"may write to, with room on its disk, and without folders in {wheels}."
        ) from None
    return wheels


def _holds(wheels: Path, lock_file: Path) -> bool:
    """Whether `wheels` holds a file of each package, nothing else, and only files whose hash the lock file names."""
    text, files = lock_file.read_text(), list(wheels.glob("*"))
    packages = re.findall(r"^([\w-]+)==", text, re.MULTILINE)
    hashes = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))
    named = sorted(path.name.partition("-")[0].lower().replace("_", "-") for path in files)  # PEP 427, PEP 503
    return named == sorted(packages) and all(hashlib.sha256(path.read_bytes()).hexdigest() in hashes for path in files)


def _fetch(lock_file: Path, wheels: Path, python: str) -> None:
    """Download beside `wheels`, then move each file there, so that a wheel that is there is whole."""
    wheels.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=wheels.parent, prefix="wheels-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--python-version", python]
        command += [f"--platform={platform}" for platform in _PLATFORMS]
        command += ["--requirement", str(lock_file), "--dest", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = done.stderr.splitlines()
            errors = [line for line in said if line.startswith("ERROR:")] or said or ["no reason given"]
            remedy = (
                "install pip into this environment" if "No module named pip" in errors[-1] else "connect to the network"
            )
            raise WheelsError(
                f"The wheels of {lock_file} could not be fetched "
                f"({errors[-1].removeprefix('ERROR: ')}); {remedy} and try again."
            )
        fetched = list(Path(folder).iterdir())
        for old in wheels.iterdir():
            if old.name not in {new.name for new in fetched}:
                old.unlink()
        for new in fetched:
            new.replace(wheels / new.name)


if __name__ == "__main__":
    try:
        ensure_wheels()
    except WheelsError as error:
        sys.exit(str(error))
