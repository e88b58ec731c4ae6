"""Bodies of S3 objects that go on where they broke off: botocore repeats a call, but not the reading of its answer."""

from collections.abc import Mapping
from typing import Any, cast

from botocore.exceptions import ClientError

from pipeline.aws_errors import raising_unavailable
from pipeline.client_types import S3Client
from pipeline.errors import AwsUnavailable

_REOPENINGS = 3


def with_resumed_bodies(client: S3Client) -> S3Client:
    """The client, whose GetObject from now on answers with a ResumedBody; to say it twice is to say it once."""

    def remember(params: Mapping[str, Any], context: dict[str, Any], **_: object) -> None:
        context["get_object"] = dict(params)

    def wrap(parsed: dict[str, Any], context: Mapping[str, Any], **_: object) -> None:
        if "Body" in parsed:
            parsed["Body"] = ResumedBody(client, context["get_object"], parsed)

    client.meta.events.register("before-parameter-build.s3.GetObject", remember, unique_id="resumed-body-request")
    client.meta.events.register("after-call.s3.GetObject", wrap, unique_id="resumed-body")
    return client


class ResumedBody:
    """What can be read of an object. Raises AwsUnavailable, and nothing else, where it cannot be read to its end.

    botocore's own time-outs are OSErrors: code that reads a file would take them for the file's fault.
    """

    def __init__(self, client: S3Client, request: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """`request`: the call's parameters; `answer`: what it was answered with."""
        self._client, self._request = client, request
        self._body, self._etag, self._length = answer["Body"], answer["ETag"], answer["ContentLength"]
        first = str(request.get("Range", "bytes=0-")).removeprefix("bytes=").partition("-")[0]
        self._first, self._read = int(first), 0
        self._reopenings = _REOPENINGS

    def read(self, amount: int | None = None, /) -> bytes:
        """At most `amount` bytes, or the rest; none at the end."""
        while True:
            try:
                part = self._body.read(amount)
            except Exception as error:
                if self._read == self._length:
                    return b""
                self._reopen(error)
            else:
                self._read += len(part)
                return cast("bytes", part)

    def close(self) -> None:
        """Give the connection back."""
        self._body.close()

    def _reopen(self, error: Exception) -> None:
        place = f"s3://{self._request['Bucket']}/{self._request['Key']}"
        if not self._reopenings:
            raise AwsUnavailable(f"{place} could not be read to its end: {error}") from error
        self._reopenings -= 1
        part = f"bytes={self._first + self._read}-{self._first + self._length - 1}"
        try:
            with raising_unavailable():
                answer = self._client.get_object(**{**self._request, "Range": part, "IfMatch": self._etag})
        except ClientError as refusal:
            raise AwsUnavailable(f"{place} was changed while it was read.") from refusal
        self._body = cast("ResumedBody", answer["Body"])._body
