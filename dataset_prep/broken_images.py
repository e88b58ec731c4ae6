"""The finding about an image that cannot be used, whichever step notices."""

from __future__ import annotations

from dataset_contract.findings import FindingLog
from dataset_prep.sources.source import SourceImage
from image_reader.header import ImageError

IMAGE_BROKEN = "IMAGE_BROKEN"
"""Code of that finding; a source that cannot read an image uses it too."""


def report_broken(image: SourceImage, error: ImageError | OSError, found: FindingLog) -> None:
    """Add an error finding: the file of `image` cannot be read or decoded, as `error` says."""
    problem = f"cannot be read ({error.strerror or error})" if isinstance(error, OSError) else error
    name = f"{image.path.parent.name}/{image.path.name}"
    fix = (error.fix if isinstance(error, ImageError) else None) or "Replace the image, or take it out of the source."
    found.error(IMAGE_BROKEN, f"{name} {problem}.", fix, file=name, image_id=image.image_id)
