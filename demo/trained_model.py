"""Downloads a training job's model.tar.gz and reads what the page shows of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from runs.model_archive import fetch_model_archive


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """An unpacked model artifact; `history` has one entry a training step."""

    directory: Path
    history: list[dict[str, Any]]
    metrics: dict[str, Any]

    @property
    def losses(self) -> list[float]:
        """The total loss of each step."""
        return [float(step["loss"]) for step in self.history]


def fetch_model(session: boto3.Session, artifact_uri: str, directory: Path) -> TrainedModel:
    """Download the artifact at `artifact_uri` (s3://bucket/key) and unpack it into `directory`."""
    fetch_model_archive(session, artifact_uri, directory)
    return TrainedModel(
        directory=directory,
        history=[json.loads(line) for line in (directory / "history.jsonl").read_text().splitlines()],
        metrics=json.loads((directory / "metrics.json").read_text()),
    )


def keep_model(model: TrainedModel, folder: Path) -> None:
    """Copy the unpacked model to `folder`, which this makes."""
    shutil.copytree(model.directory, folder)
