"""Downloads the part of a data set that an evaluation reads: all annotations, and the images of some splits."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError
from pipeline.aws_errors import error_code
from pipeline.client_types import S3Client

from dataset_contract.findings import Severity
from dataset_contract.layout import MANIFEST, SPLITS, annotations_path
from dataset_contract.manifest import FileEntry, Manifest, parse_manifest
from dataset_contract.sanitise import sanitise
from dataset_contract.stores import S3Store
from dataset_prep.progress import phase
from runs.errors import RunsError
from runs.parallel import in_parallel
from terminal.console import Terminal


@dataclass(frozen=True, slots=True)
class RemoteDataset:
    """A data set in the bucket."""

    store: S3Store
    manifest: Manifest

    def download(self, folder: Path, *, with_images: Collection[str], console: Terminal) -> None:
        """Write the annotations of all splits, and the images of the splits `with_images`, to `folder`.

        Raises RunsError if a file is not the one that the manifest names.
        """
        annotations = {annotations_path(split) for split in SPLITS}
        wanted = [
            entry
            for entry in self.manifest.files
            if entry.path in annotations or entry.path.partition("/")[0] in with_images
        ]

        def fetch(entry: FileEntry) -> None:
            data = self._content(entry)
            target = folder / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            advance(1, len(data))

        with phase(console, "Download the data set", len(wanted), "files") as advance:
            for _ in in_parallel(fetch, wanted):
                pass

    def _content(self, entry: FileEntry) -> bytes:
        data = _read(self.store, entry.path)
        if data is None or hashlib.sha256(data).hexdigest() != entry.sha256:
            raise RunsError(
                f"{self.store.location}{entry.path} is not the file that the manifest names: upload the data set "
                "again, or name another with --data."
            )
        return data


def find_dataset(s3: S3Client, bucket: str, prefix: str) -> RemoteDataset:
    """The data set below the prefix. Raises RunsError if there is none, or its manifest cannot be relied upon."""
    store = S3Store(s3, bucket, prefix)
    data = _read(store, MANIFEST)
    if data is None:
        raise RunsError(f"There is no data set at {store.location}: name another with --data.")
    manifest, findings = parse_manifest(data)
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if manifest is None or errors:
        why = f"{errors[0].message} {errors[0].fix}" if errors else "It is empty."
        raise RunsError(f"The data set at {store.location} cannot be used: {sanitise(why)}")
    return RemoteDataset(store, manifest)


def _read(store: S3Store, path: str) -> bytes | None:
    """None if there is no such object."""
    try:
        return store.read(path)
    except ClientError as error:
        if error_code(error) != "NoSuchKey":
            raise
        return None
