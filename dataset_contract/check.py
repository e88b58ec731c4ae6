"""The check of a whole data set, wherever it lies: used by the prep tool, the validation Lambda and the trainer."""

from __future__ import annotations

from typing import Any

from dataset_contract.findings import Finding, FindingLog, Report
from dataset_contract.layout import MANIFEST
from dataset_contract.manifest import parse_manifest
from dataset_contract.stores import DatasetStore


def check_dataset(store: DatasetStore, *, max_objects_per_image: int | None = None) -> Report:
    """Check everything that can be checked without decoding images.

    Args:
        store: where the data set lies.
        max_objects_per_image: the model's number of queries, if known: an image with more objects is a warning.

    Returns:
        The report; its verdict is "invalid" if training must not start. Nothing in the data set causes an
        exception; only the store's own failures (no permission for the bucket, no network) do.
    """
    counts: dict[str, Any] = {}
    found = FindingLog(file=MANIFEST)
    findings: list[Finding] = []
    sizes = store.list()
    if MANIFEST not in sizes:
        found.error(
            "MANIFEST_MISSING",
            f"There is no {MANIFEST} at {store.location}: the upload has not finished, or nothing was uploaded.",
            "Run dataset_prep/run.py with the same options again; it continues where it stopped.",
        )
    else:
        _, findings = parse_manifest(store.read(MANIFEST))
    return Report.of(found.findings() + findings, counts)
