"""Checks a data set with very many images in batches.

Each batch is a file below the report's folder that lists its images; the facts read from them go into a file beside
it. The state machine carries the files' keys, and of each batch whether it was read.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dataset_contract.bounded_json import JsonError, read_json
from dataset_contract.file_facts import FileFacts, read_image_facts
from dataset_contract.sanitise import sanitise
from dataset_contract.stores import DatasetStore
from pipeline.client_types import S3Client
from pipeline.errors import CaughtError, DatasetInvalid
from pipeline.s3_layout import batch_key, facts_key, uri

LARGEST_WHOLE = 10_000
"""Images that one function reads well within its time limit: two requests each, some 200 images a second."""
BATCH_IMAGES = 2_000
MOST_BATCHES = 64
"""The state carries each one's key and result: 256 KB hold an error with its traceback of every batch. The largest data
set, of 180 MB of JSON, has some 10,000 images a batch."""
_LARGEST = 16_000_000
"""Bytes of a file: less than 8,000 for each of its images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedBatch:
    """An item of `$.checks`: what became of one batch."""

    images: int
    """How many were read."""
    failure: CaughtError | None = None
    """Why none were. On AWS the map's own error does not tell that of a batch."""


def plan_batches(s3: S3Client, *, bucket: str, execution_name: str, images: Mapping[str, int]) -> list[str]:
    """Write a file for each batch of `images` (path -> bytes) and return their keys, for the map to go through."""
    ordered = sorted(images.items())
    count = max(BATCH_IMAGES, -(-len(ordered) // MOST_BATCHES))
    keys = []
    for first in range(0, len(ordered), count):
        key = batch_key(execution_name, first // count)
        _put(s3, bucket, key, dict(ordered[first : first + count]))
        keys.append(key)
    return keys


def check_batch(s3: S3Client, store: DatasetStore, *, bucket: str, batch: str) -> int:
    """Read the images of the batch whose key is `batch`, write their facts beside it, and return their number."""
    images = _get(s3, bucket, batch)
    if not all(type(size) is int and size >= 0 for size in images.values()):
        raise _unusable(bucket, batch, "it is not a list of images")
    facts = read_image_facts(store, images)
    _put(s3, bucket, facts_key(batch), {path: fact.to_json() for path, fact in facts.items()})
    return len(facts)


def read_facts(s3: S3Client, *, bucket: str, batches: Iterable[str]) -> dict[str, FileFacts]:
    """The facts of all batches together."""
    facts: dict[str, FileFacts] = {}
    for key in map(facts_key, batches):
        try:
            facts |= {path: FileFacts.from_json(fact) for path, fact in _get(s3, bucket, key).items()}
        except (TypeError, ValueError, LookupError, AttributeError):
            raise _unusable(bucket, key, "it does not hold what was read of images") from None
    return facts


def _put(s3: S3Client, bucket: str, key: str, content: object) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(content).encode(), ContentType="application/json")


def _get(s3: S3Client, bucket: str, key: str) -> dict[str, Any]:
    """What _put wrote. Raises DatasetInvalid if somebody has put something else there."""
    try:
        content = read_json(s3.get_object(Bucket=bucket, Key=key)["Body"], most=_LARGEST)
    except JsonError as error:
        raise _unusable(bucket, key, str(error)) from None
    if not isinstance(content, dict):
        raise _unusable(bucket, key, "it is not an object")
    return content


def _unusable(bucket: str, key: str, reason: str) -> DatasetInvalid:
    return DatasetInvalid(
        f"The check's own file {uri(bucket, key)} was changed by somebody else ({sanitise(reason, longest=200)}): "
        "start again."
    )
