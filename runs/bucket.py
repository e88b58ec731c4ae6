"""Lists and downloads what is in the pipeline's bucket."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.client_types import S3Client

from dataset_contract.atomic_write import atomic_path
from runs.errors import RunsError

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Bucket:
    """The bucket, with a client to read it."""

    s3: S3Client
    name: str

    def files(self, prefix: str) -> list[str]:
        """The keys of the objects directly below `prefix`, which ends in a slash, by name."""
        return [item["Key"] for page in self._pages(prefix) for item in page.get("Contents", [])]

    def folders(self, prefix: str) -> list[str]:
        """The prefixes of the folders directly below `prefix`, each with its slash, by name."""
        return [item["Prefix"] for page in self._pages(prefix) for item in page.get("CommonPrefixes", [])]

    def download(self, key: str, folder: Path, name: str | None = None) -> Path:
        """Write the object to `folder`, whole or not at all, under its own name or `name`; return the path.

        Raises RunsError if the name cannot be a file name.
        """
        name = name or key.rsplit("/", 1)[-1]
        if not _FILE_NAME.fullmatch(name):
            raise RunsError(
                f"s3://{self.name}/{key} has a name that cannot be a file name in {folder}: rename or delete the"
                " object."
            )
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(folder / name) as temporary:
            self.s3.download_file(self.name, key, str(temporary))
        return folder / name

    def _pages(self, prefix: str) -> Iterator[Any]:
        paginator = self.s3.get_paginator("list_objects_v2")
        return iter(paginator.paginate(Bucket=self.name, Prefix=prefix, Delimiter="/"))
