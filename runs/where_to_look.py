"""Says where a stage can be watched while its job runs."""

import shlex

from pipeline.links import folder_link
from pipeline.s3_layout import bucket_and_key

from training_code.job.checkpoint_layout import PICTURES, TENSORBOARD


def where_to_look(checkpoints_uri: str, region: str) -> tuple[str, ...]:
    """Commands for TensorBoard, and the place of the pictures, of the stage with this folder in S3, if it is one."""
    try:
        *_, run, stage, _ = bucket_and_key(checkpoints_uri)[1].split("/")
    except ValueError:
        return ()
    folder = f"build/tensorboard/{run}"
    sync = shlex.join(["aws", "s3", "sync", f"{checkpoints_uri}{TENSORBOARD}", f"{folder}/{stage}"])
    pictures = f"{checkpoints_uri}{PICTURES}/"
    return (
        f"TensorBoard: {sync} && {shlex.join(['tensorboard', '--logdir', folder])}",
        f"pictures of each evaluated epoch: {pictures} {folder_link(region, pictures)}",
    )
