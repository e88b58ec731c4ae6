"""The part of boto3's S3 client that Validate and Quote use, over a dict: objects as they were put, with checksums."""

import base64
import hashlib
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError


class BucketInMemory:
    """`objects` is key -> bytes."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_paginator(self, operation_name: str) -> "BucketInMemory":
        assert operation_name == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        keys = sorted(key for key in self.objects if key.startswith(Prefix))
        pages = [keys[start : start + 3] for start in range(0, len(keys), 3)] or [[]]
        return [{"Contents": [{"Key": key, "Size": len(self.objects[key])} for key in page]} for page in pages]

    def list_objects_v2(self, *, Bucket: str, Prefix: str) -> dict[str, Any]:
        return self.paginate(Bucket=Bucket, Prefix=Prefix)[0]

    def get_object(self, *, Bucket: str, Key: str, Range: str | None = None) -> dict[str, Any]:
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no"}}, "GetObject")
        content = self.objects[Key]
        if Range is not None:
            first, last = Range.removeprefix("bytes=").split("-")
            content = content[int(first) : int(last) + 1]
        return {"Body": BytesIO(content)}

    def head_object(self, *, Bucket: str, Key: str, ChecksumMode: str) -> dict[str, Any]:
        assert ChecksumMode == "ENABLED"
        digest = hashlib.sha256(self.objects[Key]).digest()
        return {"ContentLength": len(self.objects[Key]), "ChecksumSHA256": base64.b64encode(digest).decode()}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:
        kinds = {"html": "text/html; charset=utf-8", "json": "application/json", "txt": "text/plain"}
        assert ContentType == kinds[Key.rpartition(".")[2]]
        self.objects[Key] = Body
