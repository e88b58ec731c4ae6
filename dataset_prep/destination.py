"""Where in S3 a data set goes. Apart from upload.py, so that the command line does without boto3."""

from __future__ import annotations

from dataclasses import dataclass

from dataset_contract.findings import Finding, FindingLog

DEFAULT_PREFIX = "dino-data"
"""The bucket's folder that the stack's training reads, unless it was deployed with another."""


@dataclass(frozen=True)
class Destination:
    """A folder of a bucket."""

    bucket: str
    prefix: str = DEFAULT_PREFIX
    replace: bool = False
    """Another version of the data set that is there is replaced."""


def check_prefix(destination: Destination | None) -> list[Finding]:
    """A warning if a stack deployed with its defaults would not train on what is uploaded there."""
    found = FindingLog()
    if destination is not None and not destination.prefix.startswith(DEFAULT_PREFIX):
        found.warning(
            "PREFIX_NOT_TRAINED_ON",
            f"The folder {destination.prefix} of {destination.bucket} does not start with {DEFAULT_PREFIX}: a stack "
            "deployed with its defaults refuses to train on it.",
            f"Give --prefix {DEFAULT_PREFIX}-{destination.prefix}, or deploy with dataset_prefix set to it.",
        )
    return found.findings()
