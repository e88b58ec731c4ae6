"""What Lambda gets of the serving function: a layer of unpacked wheels, and a zip of this project's code."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from stacks.container_wheels import WheelsError, ensure_wheels
from stacks.staging import ROOT

LOCK_FILE = ROOT / "lambda" / "serving" / "requirements.lock"
WHEELS = ROOT / "build" / "wheels-serving"
MAX_UNPACKED_BYTES = 250 * 1024 * 1024
"""What Lambda accepts of a function with its layers."""
SOURCES = {
    "serving": ROOT / "lambda" / "serving",
    # What it needs of the pipeline: settings, clients, keys, and which model is approved.
    **{
        f"pipeline/{name}": ROOT / "lambda" / "pipeline" / name
        for name in (
            "__init__.py",
            "aws_errors.py",
            "client_types.py",
            "clients.py",
            "errors.py",
            "resumed_body.py",
            "s3_layout.py",
            "settings.py",
            "model/__init__.py",
            "model/approved_models.py",
        )
    },
    **{
        f"prediction/{name}": ROOT / "prediction" / name
        for name in (
            "__init__.py",
            "backends",
            "detection.py",
            "formats",
            "image_tensors.py",
            "merging.py",
            "model_folder.py",
            "plans",
            "predictor.py",
            "thresholds.py",
            "tiled.py",
            "tiling.py",
            "vectors",
        )
    },
    **{
        f"training_code/{name}": ROOT / "training_code" / name
        for name in ("__init__.py", "config_checks.py", "model_config.py")
    },
    **{name: ROOT / name for name in ("archive_reader", "dataset_contract", "drawing", "image_reader")},
}
"""By its place in the zip: what the function imports of the project."""


def serving_wheels() -> Path:
    """The folder of the layer's wheels, fetched if they are not there. Raises WheelsError."""
    return ensure_wheels(lock_file=LOCK_FILE, wheels=WHEELS, python="3.14")


def check_size(*folders: Path) -> None:
    """Raise WheelsError if these are together more than Lambda accepts of a function, as the deployment would say."""
    size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
    if size > MAX_UNPACKED_BYTES:
        raise WheelsError(
            f"The serving function and its packages have {size:,} bytes unpacked, more than the "
            f"{MAX_UNPACKED_BYTES:,} that Lambda accepts: leave out what {LOCK_FILE.relative_to(ROOT)} need not have."
        )


@contextmanager
def unpacked(wheels: Path) -> Iterator[Path]:
    """A folder with the content of the wheels below python/, as a layer has it; removed at the end of the `with`.

    The wheels' hashes are those of the lock file, so what they hold is trusted.
    """
    with TemporaryDirectory(prefix="floorplan-dino-layer-") as name:
        target = Path(name) / "python"
        target.mkdir()
        for wheel in sorted(wheels.glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(target)
        yield Path(name)
