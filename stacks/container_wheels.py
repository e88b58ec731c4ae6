"""Fetches the Python packages that the SageMaker image lacks; the container has no network, they travel with the code.

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

# The image's Amazon Linux 2023 (glibc 2.34) on x86-64 with Python 3.12.
_TARGET = (
    *("--platform", "manylinux_2_28_x86_64"),
    *("--platform", "manylinux_2_17_x86_64"),
    *("--platform", "manylinux2014_x86_64"),
    *("--python-version", "3.12"),
)


class WheelsError(Exception):
    """The wheels are not there and could not be fetched; the text is one sentence for people."""


def ensure_wheels(*, lock_file: Path = LOCK_FILE, wheels: Path = WHEELS) -> Path:
    """Return `wheels`, a folder with one wheel for each package of `lock_file`; fetch them if it is not that.

    Raises WheelsError.
    """
    if not _holds(wheels, lock_file):
        _fetch(lock_file, wheels)
        if not _holds(wheels, lock_file):
            raise WheelsError(f"{wheels} does not hold what {lock_file} names: delete the folder and try again.")
    return wheels


def _holds(wheels: Path, lock_file: Path) -> bool:
    """Whether `wheels` holds a file of each package, nothing else, and only files whose hash the lock file names."""
    text, files = lock_file.read_text(), list(wheels.glob("*"))
    packages = re.findall(r"^([\w-]+)==", text, re.MULTILINE)
    hashes = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", text))
    named = sorted(path.name.partition("-")[0].lower().replace("_", "-") for path in files)  # PEP 427, PEP 503
    return named == sorted(packages) and all(hashlib.sha256(path.read_bytes()).hexdigest() in hashes for path in files)


def _fetch(lock_file: Path, wheels: Path) -> None:
    """Download beside `wheels`, then move each file there, so that a wheel that is there is whole."""
    wheels.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=wheels.parent, prefix="wheels-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--require-hashes", "--no-deps", "--only-binary=:all:", *_TARGET]
        command += ["--requirement", str(lock_file), "--dest", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")] or ["no reason given"]
            raise WheelsError(
                f"The wheels of {lock_file.name} for the training container could not be fetched "
                f"({errors[-1].removeprefix('ERROR: ')}); connect to the network and try again."
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
