"""Checks the data set in S3 with the same rules as at home, and files the full report beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from dataset_contract.check import check_dataset
from dataset_contract.findings import Report, Severity
from dataset_contract.layout import MANIFEST
from dataset_contract.manifest import parse_manifest
from dataset_contract.stores import S3Store
from pipeline.errors import DatasetMissing
from pipeline.s3_layout import report_key, uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCheck:
    """What the state machine carries of a check: never the findings, which may exceed its 256 KB."""

    uri: str
    verdict: str
    version: str | None
    """The manifest's version; None if there is no readable manifest."""
    images: int | None
    annotations: int | None
    errors: int
    warnings: int
    report_uri: str
    cause: str | None
    """Why the data set is refused, in one or two sentences; None if it is valid."""

    def to_state(self) -> dict[str, Any]:
        """As the state machine carries it."""
        return asdict(self)


def validate_dataset(
    s3: S3Client, *, bucket: str, prefix: str, execution_name: str, max_objects_per_image: int
) -> DatasetCheck:
    """Check s3://bucket/prefix/ and write its report to reports/<execution>/report.json.

    `max_objects_per_image` is the model's number of queries: it can find no more, which the report warns of.

    Raises DatasetMissing if there is no manifest: it is uploaded last, so without it nothing there is complete.
    """
    dataset_uri = uri(bucket, f"{prefix}/")
    store = S3Store(cast("Any", s3), bucket, f"{prefix}/")  # typed more narrowly than the store's protocol
    objects = store.list()
    if MANIFEST not in objects:
        found = (
            f"holds {len(objects):,} objects but no {MANIFEST}, as after an interrupted upload"
            if objects
            else "is empty"
        )
        raise DatasetMissing(
            f"There is no data set at {dataset_uri}: it {found}. "
            f"Upload one with `python dataset_prep/run.py --source FOLDER --bucket {bucket} --prefix {prefix}`."
        )
    report = check_dataset(store, max_objects_per_image=max_objects_per_image)
    manifest, _ = parse_manifest(store.read(MANIFEST))
    key = report_key(execution_name)
    content = {"dataset": dataset_uri, "version": manifest.version if manifest else None} | report.to_json()
    body = json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    s3.put_object(Bucket=bucket, Key=key, Body=body.encode(), ContentType="application/json")
    report_uri = uri(bucket, key)
    return DatasetCheck(
        uri=dataset_uri,
        verdict=report.verdict,
        version=manifest.version if manifest else None,
        images=report.counts.get("images"),
        annotations=report.counts.get("annotations"),
        errors=report.count(Severity.ERROR),
        warnings=report.count(Severity.WARNING),
        report_uri=report_uri,
        cause=_cause(report, dataset_uri, report_uri) if report.verdict == "invalid" else None,
    )


def _cause(report: Report, dataset_uri: str, report_uri: str) -> str:
    first = next(finding for finding in report.findings if finding.severity is Severity.ERROR)
    count = report.count(Severity.ERROR)
    errors = "1 error" if count == 1 else f"{count:,} errors, the first"
    return f"The data set {dataset_uri} has {errors}: {first.message} {first.fix} The full report is {report_uri}."
