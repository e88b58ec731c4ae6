"""Downloads what the jobs of each stage left beside their checkpoints: health, the last pictures, and the curves."""

import re
import tempfile
from pathlib import Path

from pipeline.job.health_reader import HEALTH_FILE
from pipeline.s3_layout import CHECKPOINTS

from runs.bucket import Bucket
from training_code.job.checkpoint_layout import HISTORY, METRICS, PICTURES

_STAGE = re.compile(r"[0-9]{1,3}")
_EPOCH = re.compile(r"epoch-[0-9]{4}")


def fetch_stages(bucket: Bucket, run_name: str, folder: Path) -> list[Path]:
    """Write health-0.json, pictures-0/epoch-0007/ (the last evaluated epoch), curves-0.png and so on; their paths."""
    fetched = []
    for prefix in bucket.folders(f"{CHECKPOINTS}{run_name}/"):
        stage = _last_part(prefix)
        if not _STAGE.fullmatch(stage):
            continue
        there = set(bucket.files(prefix))
        if f"{prefix}{HEALTH_FILE}" in there:
            fetched.append(bucket.download(f"{prefix}{HEALTH_FILE}", folder, f"health-{stage}.json"))
        fetched += _pictures(bucket, f"{prefix}{PICTURES}/", folder / f"pictures-{stage}")
        if f"{prefix}{HISTORY}" in there:
            with tempfile.TemporaryDirectory(prefix=".curves-", dir=folder) as scratch:
                for name in {HISTORY, METRICS} & {key.removeprefix(prefix) for key in there}:
                    bucket.download(f"{prefix}{name}", Path(scratch))
                fetched += write_curves(Path(scratch), curves_path(folder, stage))
    return fetched


def curves_path(folder: Path, stage: int | str) -> Path:
    """Where the picture of a stage's curves goes."""
    return folder / f"curves-{stage}.png"


def write_curves(training: Path, picture: Path) -> list[Path]:
    """Draw what the folder `training` holds, and return `picture`; nothing without a step. Raises RunsError."""
    from runs.curves import curves_png, read_curves  # noqa: PLC0415 - matplotlib is slow to import

    curves = read_curves(training)
    if not curves.losses:
        return []
    curves_png(curves, picture)
    return [picture]


def _pictures(bucket: Bucket, prefix: str, folder: Path) -> list[Path]:
    epochs = [epoch for epoch in bucket.folders(prefix) if _EPOCH.fullmatch(_last_part(epoch))]
    if not epochs:
        return []
    keys = [key for key in bucket.files(epochs[-1]) if not _last_part(key).startswith(".")]  # a part, not yet renamed
    return [bucket.download(key, folder / _last_part(epochs[-1])) for key in keys]


def _last_part(prefix: str) -> str:
    return prefix.rstrip("/").rsplit("/", 1)[-1]
