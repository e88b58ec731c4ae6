"""S3 in memory: the operations that the pipeline calls, with conditional writes and stored checksums."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

from tests.stacks.second_engine.api_error import ApiError
from tests.stacks.second_engine.clock import Clock


@dataclass(frozen=True)
class Stored:
    """One object."""

    body: bytes
    modified: datetime

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'


class S3InMemory:
    """`objects`: key -> object, of all buckets together."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.objects: dict[str, Stored] = {}
        self.open_body: Callable[[str, bytes], Any] | None = None
        """Makes the body of GetObject's answer where a test has it stall or break."""

    def put(self, key: str, body: bytes) -> Stored:
        self.objects[key] = Stored(body, self._clock.now())
        return self.objects[key]

    def put_object(
        self, *, Key: str, Body: Any, IfMatch: str | None = None, IfNoneMatch: str | None = None, **_: Any
    ) -> dict[str, Any]:
        found = self.objects.get(Key)
        if IfMatch is not None and found is None:
            raise ApiError("NoSuchKey", status=404)
        if (IfNoneMatch == "*" and found) or (found and IfMatch not in (None, found.etag)):
            raise ApiError("PreconditionFailed", status=412)
        return {"ETag": self.put(Key, Body.read()).etag}  # botocore has made it a file

    def get_object(
        self, *, Bucket: str, Key: str, Range: str | None = None, IfMatch: str | None = None
    ) -> dict[str, Any]:
        found = self._found(Key, "NoSuchKey")
        if IfMatch not in (None, found.etag):
            raise ApiError("PreconditionFailed", status=412)
        body = found.body
        if Range is not None:
            first, _, last = Range.removeprefix("bytes=").partition("-")
            body = body[int(first) : int(last) + 1 if last else None]
            if not body:
                raise ApiError("InvalidRange", status=416)
        return {
            "Body": self.open_body(Key, body) if self.open_body else BytesIO(body),
            "ContentLength": len(body),
            "ETag": found.etag,
            "LastModified": found.modified,
        }

    def head_object(self, *, Key: str, **_: Any) -> dict[str, Any]:
        body = self._found(Key, "404").body
        return {"ContentLength": len(body), "ChecksumSHA256": base64.b64encode(hashlib.sha256(body).digest()).decode()}

    def delete_object(self, *, Key: str, IfMatch: str | None = None, **_: Any) -> dict[str, Any]:
        found = self.objects.get(Key)
        if IfMatch is not None and found and found.etag != IfMatch:
            raise ApiError("PreconditionFailed", status=412)
        self.objects.pop(Key, None)
        return {}

    def copy_object(self, *, Key: str, **_: Any) -> dict[str, Any]:
        return {"CopyObjectResult": {"ETag": self.put(Key, b"zip").etag}}

    def list_objects_v2(
        self, *, Prefix: str, Delimiter: str | None = None, MaxKeys: int = 1000, **_: Any
    ) -> dict[str, Any]:
        keys = sorted(key for key in self.objects if key.startswith(Prefix))
        if Delimiter is not None:
            keys = [key for key in keys if Delimiter not in key.removeprefix(Prefix)]
        found = [
            {"Key": key, "Size": len(self.objects[key].body), "LastModified": self.objects[key].modified}
            for key in keys[:MaxKeys]
        ]
        return {"Contents": found} if found else {}

    def _found(self, key: str, code: str) -> Stored:
        if key not in self.objects:
            raise ApiError(code, status=404)
        return self.objects[key]
