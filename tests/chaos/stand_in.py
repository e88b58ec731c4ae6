"""Puts the stand-in for the trainer into the place of the deployed training code, with a plan of what it does."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.end_to_end.deployed import ROOT, Deployed

REAL_MODULES = (
    "dataset_contract/__init__.py",
    "dataset_contract/sanitise.py",
    "training_code/__init__.py",
    *(
        f"training_code/job/{name}.py"
        for name in (
            "__init__",
            "checkpoint_layout",
            "failures",
            "health",
            "metric_lines",
            "sagemaker_paths",
            "interruptions",
        )
    ),
)
"""The formats that the pipeline reads, and how a job is told to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """What the job does. Steps count from 1; None: never."""

    steps: int = 70
    step_seconds: float = 0.02
    loss_rises: bool = False
    nan_at: int | None = None
    """From then on the loss is not a number, and the job goes on all the same."""
    hangs_at: int | None = None
    ignores_sigterm: bool = False
    """While it hangs."""
    dies_at: int | None = None
    """By SIGKILL, as from the kernel when the memory is used up."""
    fails_at: int | None = None
    failure_code: str = "BUG"
    images_per_second: float = 5000.0
    """As its log says: even a job without an end is projected to cost little."""
    f1: float = 0.9


def put_stand_in(deployed: Deployed, plan: JobPlan) -> None:
    """From the next launch on, jobs run the stand-in by this plan."""
    deployed.put_training_code(archive(plan))


def archive(plan: JobPlan) -> bytes:
    """A zip that the jobs' entrypoint unpacks, installs nothing from, and starts."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as files:
        for name in REAL_MODULES:
            files.write(ROOT / name, name)
        files.write(Path(__file__).parent / "stand_in_job" / "train.py", "training_code/train.py")
        files.writestr("training_code/plan.json", json.dumps(asdict(plan)))
        files.writestr("training_code/requirements.lock", "")
        files.writestr("wheels/README", "The stand-in needs none.")
    return content.getvalue()
