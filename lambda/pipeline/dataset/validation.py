"""Checks the data set in S3 by the same rules as the preparation, and writes the full report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dataset_contract.check import DatasetContent, check_content, check_images
from dataset_contract.coco import CocoDataset
from dataset_contract.file_facts import FileFacts, read_image_facts
from dataset_contract.findings import Finding, Report, Severity
from dataset_contract.layout import MANIFEST
from dataset_contract.report_html import report_page
from dataset_contract.stores import S3Store
from pipeline.client_types import S3Client
from pipeline.dataset.batches import LARGEST_WHOLE, plan_batches, read_facts
from pipeline.errors import DatasetMissing
from pipeline.s3_layout import report_key, uri

Status = Literal["valid", "invalid", "in_batches", "failed"]
"""In batches: there are so many images that they are still to be read. Failed: a batch could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetCheck:
    """`$.dataset`: a check without its findings, which may exceed the state machine's 256 KB."""

    uri: str
    status: Status
    version: str | None
    """The manifest's version; None if there is no readable manifest."""
    images: int | None
    annotations: int | None
    splits: Mapping[str, int]
    """split -> images."""
    classes: tuple[str, ...]
    """The names of a valid data set's classes, in the order of their ids."""
    errors: int
    warnings: int
    report_uri: str
    cause: str | None
    """Why the data set is refused or the check failed, in one or two sentences; else None."""
    error: str | None = None
    """The name of the error with which the check failed."""
    unmeasured: tuple[str, ...] = ()
    """Those of the classes whose F1 nothing tells: the validation split has no box of them but crowds."""
    batches: tuple[str, ...] = ()
    """Keys of the batches of images that are still to be read."""

    @property
    def is_reported(self) -> bool:
        """Whether the check was finished, and its report written."""
        return self.status in ("valid", "invalid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """One execution's check of s3://bucket/prefix/, with its report in reports/<execution>/."""

    s3: S3Client
    bucket: str
    prefix: str
    execution_name: str
    max_objects_per_image: int
    """The model's number of queries: it can find no more, which the report warns of."""

    @property
    def store(self) -> S3Store:
        """Where the data set is read from."""
        return S3Store(self.s3, self.bucket, f"{self.prefix}/")

    def run(self) -> DatasetCheck:
        """Check all, or all but the images where they are too many for one function.

        Raises DatasetMissing if there is no manifest: it is uploaded last, so without it nothing there is complete.
        """
        store = self.store
        self._require_manifest(store)
        content = self._content(store)
        sound = not any(finding.severity is Severity.ERROR for finding in content.findings)
        if len(content.images) <= LARGEST_WHOLE:
            return self._filed(content, check_images(content, read_image_facts(store, content.images)))
        if not sound:  # so many images need not be read to refuse it
            return self._filed(content, [])
        batches = plan_batches(self.s3, bucket=self.bucket, execution_name=self.execution_name, images=content.images)
        report = Report.of(content.findings, content.counts)
        return self._check(report, content, status="in_batches", batches=tuple(batches))

    def merge(self, batches: Sequence[str]) -> DatasetCheck:
        """The whole check, given that each of the batches has been read."""
        facts: Mapping[str, FileFacts] = read_facts(self.s3, bucket=self.bucket, batches=batches)
        content = self._content(self.store)
        return self._filed(content, check_images(content, facts))

    def _content(self, store: S3Store) -> DatasetContent:
        return check_content(store, max_objects_per_image=self.max_objects_per_image)

    def _require_manifest(self, store: S3Store) -> None:
        objects = store.list()
        if MANIFEST in objects:
            return
        found = (
            f"holds {len(objects):,} objects but no {MANIFEST}, as after an interrupted upload"
            if objects
            else "is empty"
        )
        raise DatasetMissing(
            f"There is no data set at {store.location}: it {found}. Upload one with "
            f"`python dataset_prep/run.py --source FOLDER --bucket {self.bucket} --prefix {self.prefix}`."
        )

    def _filed(self, content: DatasetContent, findings: Sequence[Finding]) -> DatasetCheck:
        """Write the report, and return what the state machine carries of it."""
        report = Report.of([*content.findings, *findings], content.counts)
        version = content.manifest.version if content.manifest else None
        filed = {"dataset": self.store.location, "version": version} | report.to_json()
        body = json.dumps(filed, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
        page = report_page(report).encode()
        key = report_key(self.execution_name, form="html")
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=page, ContentType="text/html; charset=utf-8")
        key = report_key(self.execution_name)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body.encode(), ContentType="application/json")
        return self._check(report, content, status=report.verdict)

    def _check(
        self, report: Report, content: DatasetContent, *, status: Status, batches: tuple[str, ...] = ()
    ) -> DatasetCheck:
        report_uri = uri(self.bucket, report_key(self.execution_name))
        splits: Mapping[str, Mapping[str, Any]] = report.counts.get("splits", {})
        return DatasetCheck(
            uri=self.store.location,
            status=status,
            version=content.manifest.version if content.manifest else None,
            images=report.counts.get("images"),
            annotations=report.counts.get("annotations"),
            splits={split: counts["images"] for split, counts in splits.items()},
            classes=tuple(content.manifest.classes) if content.manifest and status == "valid" else (),
            unmeasured=_unmeasured(content.splits["val"]) if status == "valid" else (),
            errors=report.count(Severity.ERROR),
            warnings=report.count(Severity.WARNING),
            report_uri=report_uri,
            cause=_cause(report, self.store.location, report_uri) if status == "invalid" else None,
            batches=batches,
        )


def _unmeasured(val: CocoDataset) -> tuple[str, ...]:
    objects = {annotation.category_id for annotation in val.annotations if not annotation.iscrowd}
    return tuple(category.name for category in val.categories if category.id not in objects)


def _cause(report: Report, dataset_uri: str, report_uri: str) -> str:
    first = next(finding for finding in report.findings if finding.severity is Severity.ERROR)
    count = report.count(Severity.ERROR)
    errors = "1 error" if count == 1 else f"{count:,} errors, the first"
    return f"The data set {dataset_uri} has {errors}: {first.message} {first.fix} The full report is {report_uri}."
