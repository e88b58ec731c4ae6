"""The process of a training job in the embedded AWS, for what strikes it from outside. Linux only."""

from __future__ import annotations

from pathlib import Path


def process_of(job: str) -> int:
    """The process id of the job's trainer."""
    return int(_trainer(job).name)


def folder_of(job: str) -> Path:
    """What the job knows as /opt/ml."""
    return Path(_environment(_trainer(job))[b"SAGEMAKER_BASE_DIR"].decode())


def _trainer(job: str) -> Path:
    (process,) = [each for each in Path("/proc").glob("[0-9]*") if _is_trainer(each, job)]
    return process


def _is_trainer(process: Path, job: str) -> bool:
    try:
        command = (process / "cmdline").read_bytes().split(b"\0")
        return b"training_code.train" in command and _environment(process).get(b"TRAINING_JOB_NAME") == job.encode()
    except OSError:  # it has ended, or is another user's
        return False


def _environment(process: Path) -> dict[bytes, bytes]:
    variables = (process / "environ").read_bytes().split(b"\0")
    return {name: value for name, _, value in (variable.partition(b"=") for variable in variables)}
