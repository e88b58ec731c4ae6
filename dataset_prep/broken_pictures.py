"""Says of a picture of a selection that cannot be used what is wrong with it, whichever step finds out."""

from __future__ import annotations

from dataset_contract.findings import FindingLog
from dataset_prep.images import ImageError
from dataset_prep.sources.source import SourceImage

IMAGE_BROKEN = "IMAGE_BROKEN"
"""Code of that finding; a source that cannot read a picture uses it too."""


def say_broken(image: SourceImage, error: ImageError | OSError, found: FindingLog) -> None:
    """Add an error finding about the picture of `image`, which `error` says cannot be read or decoded."""
    problem = f"cannot be read ({error.strerror or error})" if isinstance(error, OSError) else error
    name = f"{image.path.parent.name}/{image.path.name}"
    fix = "Replace the picture, or take it out of the source."
    found.error(IMAGE_BROKEN, f"{name} {problem}.", fix, file=name, image_id=image.image_id)
