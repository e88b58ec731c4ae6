"""The lock holds all that the project depends on to its hashes, but for torch, which pyproject.toml pins."""

import re
import tomllib

from environment import OLDEST_PYTHON, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
PINS = re.findall(r"^([\w.-]+)==([\w.]+)(?: ; .*)? (\\\n    --hash=sha256:[0-9a-f]{64})", LOCK, re.MULTILINE)


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[=<>~ ]", requirement)[0].lower() for requirement in requirements}


def test_every_dependency_but_torch_is_pinned_with_its_hashes() -> None:
    pinned = {name for name, _, _ in PINS}
    assert names(PROJECT["project"]["dependencies"]) - {"torch"} <= pinned
    assert names(PROJECT["project"]["optional-dependencies"]["dev"]) <= pinned
    assert len(PINS) == len(re.findall(r"^\w", LOCK, re.MULTILINE)), "a line that pins nothing, or has no hash"


def test_torch_and_its_cuda_libraries_are_not_in_the_lock_but_what_else_it_needs_is() -> None:
    (torch,) = PROJECT["tool"]["uv"]["dependency-metadata"]
    assert f"torch=={torch['version']}" in PROJECT["project"]["dependencies"]
    pinned = {name for name, _, _ in PINS}
    assert names(torch["requires-dist"]) <= pinned
    assert not {name for name in pinned if name == "torch" or name.startswith(("nvidia-", "cuda-"))}


def test_the_oldest_python_is_the_same_everywhere() -> None:
    oldest = ".".join(map(str, OLDEST_PYTHON))
    assert PROJECT["project"]["requires-python"] == f">={oldest}"
    assert f"--python-version {oldest} " in (ROOT / "Makefile").read_text()
