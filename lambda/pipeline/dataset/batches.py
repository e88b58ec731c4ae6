"""Checks a data set with very many images in batches.

Each batch is a file below the report's folder that lists its images; the facts read from them go into a file beside
it. The state machine carries the files' keys only.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from dataset_contract.file_facts import FileFacts, read_image_facts
from dataset_contract.stores import DatasetStore
from pipeline.client_types import S3Client
from pipeline.s3_layout import batch_key, facts_key

LARGEST_WHOLE = 10_000
"""Images that one function reads well within its time limit: two requests each, some 200 images a second."""
BATCH_IMAGES = 2_000


def plan_batches(s3: S3Client, *, bucket: str, execution_name: str, images: Mapping[str, int]) -> list[str]:
    """Write a file for each batch of `images` (path -> bytes) and return their keys, for the map to go through."""
    ordered = sorted(images.items())
    keys = []
    for first in range(0, len(ordered), BATCH_IMAGES):
        key = batch_key(execution_name, first // BATCH_IMAGES)
        _put(s3, bucket, key, dict(ordered[first : first + BATCH_IMAGES]))
        keys.append(key)
    return keys


def check_batch(s3: S3Client, store: DatasetStore, *, bucket: str, batch: str) -> int:
    """Read the images of the batch whose key is `batch`, write their facts beside it, and return their number."""
    images: dict[str, int] = _get(s3, bucket, batch)
    facts = read_image_facts(store, images)
    _put(s3, bucket, facts_key(batch), {path: fact.to_json() for path, fact in facts.items()})
    return len(facts)


def read_facts(s3: S3Client, *, bucket: str, batches: Iterable[str]) -> dict[str, FileFacts]:
    """The facts of all batches together."""
    return {
        path: FileFacts.from_json(fact)
        for batch in batches
        for path, fact in _get(s3, bucket, facts_key(batch)).items()
    }


def _put(s3: S3Client, bucket: str, key: str, content: object) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(content).encode(), ContentType="application/json")


def _get(s3: S3Client, bucket: str, key: str) -> Any:  # noqa: ANN401 - what _put wrote
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
