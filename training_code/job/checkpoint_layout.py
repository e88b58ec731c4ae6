"""What the folder of checkpoints holds beside health.json: SageMaker copies it to S3 while the job runs.

Standard library only: the pipeline and `python -m runs` read the folder in S3.
"""

import re

CHECKPOINT_NAME = re.compile(r"checkpoint-(?P<step>[0-9]{8})-(?P<hash>[0-9a-f]{16})\.pt")
"""A checkpoint after `step` updates, with the start of its SHA-256."""

HISTORY = "history.jsonl"
"""One JSON object an update, as in model.tar.gz."""

METRICS = "metrics.json"
"""The best epoch so far, and all evaluations, as in model.tar.gz; not there before the first evaluation."""
MAX_METRICS_BYTES = 4_000_000
"""Those of 1,000 epochs have some 400 kB."""

TENSORBOARD = "tensorboard"
"""The folder of TensorBoard's events."""

PICTURES = "pictures"
"""The folder of the validation pictures, in which each evaluated epoch has one."""


def epoch_folder(epoch: int) -> str:
    """The folder of an epoch (from 1) in PICTURES; their order by name is that of the epochs."""
    return f"epoch-{epoch:04d}"
