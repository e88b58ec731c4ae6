"""The function's settings: what the stack puts into its environment, and its fixed limits."""

from dataclasses import dataclass

from pipeline.settings import BucketSettings

MEMORY_MB = 3008
"""The most that new accounts may have; with it come 1.7 processors. A plan takes 1.2 GB, one of MAX_PIXELS 1.7 GB."""
TIMEOUT_SECONDS = 300
MAX_BYTES = 50_000_000
"""Of a plan's file."""
MAX_PIXELS = 40_000_000
"""Of a plan: fewer than `python -m prediction` takes, since memory is smaller here."""
MAX_POSTED_BYTES = 4_500_000
"""Of a plan that is posted: Lambda takes 6 MB, and gets it as Base64, a third longer."""
MAX_RESPONSE_BYTES = 6_000_000
"""Of a response, as the JSON in which Lambda takes it: of 6 MB and more the URL makes a 502 without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingSettings(BucketSettings):
    """Where plans, answers and models are."""

    model_package_group: str
    model_check_seconds: int
    """How old what is known of the registry may be."""
