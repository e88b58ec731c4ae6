"""The process of a training job in the embedded AWS, for what strikes it from outside. Linux only."""

from __future__ import annotations

from pathlib import Path


def process_of(job: str) -> int:
    """The process id of the job's trainer."""
    return int(_trainer(job).name)


def workers_of(job: str) -> list[int]:
    """The process ids of the trainer's workers, which read images."""
    children = (_trainer(job) / "task" / _trainer(job).name / "children").read_text().split()
    return [int(child) for child in children if _is_trainer(Path("/proc") / child, job)]


def _trainer(job: str) -> Path:
    """The process that is no child of another such: workers are forks of it, with its command line."""
    found = {each.name: each for each in Path("/proc").glob("[0-9]*") if _is_trainer(each, job)}
    (process,) = [each for each in found.values() if _parent(each) not in found]
    return process


def _parent(process: Path) -> str:
    return (process / "stat").read_text().rpartition(")")[2].split()[1]


def _is_trainer(process: Path, job: str) -> bool:
    try:
        command = (process / "cmdline").read_bytes().split(b"\0")
        return b"training_code.train" in command and _environment(process).get(b"TRAINING_JOB_NAME") == job.encode()
    except OSError:  # it has ended, or is another user's
        return False


def _environment(process: Path) -> dict[bytes, bytes]:
    variables = (process / "environ").read_bytes().split(b"\0")
    return {name: value for name, _, value in (variable.partition(b"=") for variable in variables)}
