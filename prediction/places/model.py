"""A model's folder, from wherever the model is: a folder, a model.tar.gz, or either of them in S3."""

from __future__ import annotations

from pathlib import Path

from archive_reader.tar_members import MODEL_LIMITS, ArchiveError
from archive_reader.unpacking import unpack
from dataset_contract.sanitise import sanitise
from prediction.places.errors import PlaceError


def model_folder(place: str | Path, scratch: Path) -> Path:
    """The folder of the model at `place`: what must be downloaded or unpacked goes to `scratch`, which exists.

    Whether the folder holds a model is for load_model to say. Raises PlaceError.
    """
    path = Path(place)
    if isinstance(place, str) and place.startswith("s3://"):
        from prediction.places.download import download  # noqa: PLC0415  imports botocore, and most models are on disk

        path = download(place, scratch / "download")
    try:
        if path.is_dir():
            return path
        if not path.exists():
            raise PlaceError(f"{place} does not exist: give a model.tar.gz, or the folder that it was unpacked to.")
        unpack(path, scratch / "model", MODEL_LIMITS)
    except ArchiveError as error:
        raise PlaceError(f"{place} is not a model that can be read: {error}.") from None
    except OSError as error:
        raise PlaceError(
            f"{place} cannot be unpacked ({sanitise(error.strerror or error)}): make it readable, and room for it in"
            f" {scratch.parent}, or set TMPDIR to another folder."
        ) from None
    return scratch / "model"
