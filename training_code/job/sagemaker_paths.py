"""Where SageMaker puts a training job's input and looks for its output.

https://docs.aws.amazon.com/sagemaker/latest/dg/amazon-sagemaker-toolkits.html
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from training_code.job.checkpoint_layout import TENSORBOARD


@dataclass(frozen=True, slots=True)
class SageMakerPaths:
    """The tree under /opt/ml."""

    base: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "SageMakerPaths":
        """Use SAGEMAKER_BASE_DIR, as SageMaker's own training toolkit does; /opt/ml without it."""
        return cls(Path(environment.get("SAGEMAKER_BASE_DIR") or "/opt/ml"))

    @property
    def hyperparameters(self) -> Path:
        return self.base / "input" / "config" / "hyperparameters.json"

    @property
    def resource_config(self) -> Path:
        return self.base / "input" / "config" / "resourceconfig.json"

    @property
    def dataset(self) -> Path:
        """The channel `dataset`."""
        return self.base / "input" / "data" / "dataset"

    @property
    def pretrained(self) -> Path:
        """The optional channel `pretrained`: one checkpoint file or model.tar.gz to start from."""
        return self.base / "input" / "data" / "pretrained"

    @property
    def baselines(self) -> Path:
        """The optional channel `baselines`: a folder for each baseline, evaluation/results/baseline_files.py."""
        return self.base / "input" / "data" / "baselines"

    @property
    def checkpoints(self) -> Path:
        """Synchronised with S3 while the job runs, so that its content can be seen before the end."""
        return self.base / "checkpoints"

    @property
    def model(self) -> Path:
        """What becomes model.tar.gz."""
        return self.base / "model"

    @property
    def output_data(self) -> Path:
        """What becomes output.tar.gz."""
        return self.base / "output" / "data"

    @property
    def tensorboard(self) -> Path:
        """TensorBoard's events, of all starts of the job."""
        return self.checkpoints / TENSORBOARD

    @property
    def failure(self) -> Path:
        return self.base / "output" / "failure"
