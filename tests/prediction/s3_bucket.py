"""A bucket in memory, as a download sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError


class Bucket:
    """The calls of S3's client that a download makes, on objects by key."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.claimed_size: int | None = None

    def get_paginator(self, _: str) -> Bucket:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        found = [key for key in self.objects if key.startswith(Prefix)]
        return [{"Contents": [{"Key": key, "Size": len(self.objects[key])}]} for key in found] or [{}]

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, int]:
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")
        return {"ContentLength": self.claimed_size or len(self.objects[Key])}

    def download_file(self, bucket: str, key: str, path: str) -> None:
        self.head_object(Bucket=bucket, Key=key)
        Path(path).write_bytes(self.objects[key])
