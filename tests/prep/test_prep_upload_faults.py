"""The upload says "done" only when S3 has every file, and says why where it has not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from dataset_prep.errors import PrepError, UsageError
from dataset_prep.run import main
from dataset_prep.upload import check_bucket, s3_client, upload_dataset
from tests.prep.s3_gateway import Answer, Gateway
from tests.prep.test_prep_upload import PREFIX, Recorder, contents, files, manifest_of, upload

PAGE = b"<html><body><h1>Log in to this network</h1></body></html>"
Upload = Callable[..., Any]


@pytest.fixture(scope="module")
def versions(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two versions of a data set, which share the names of some files."""
    root = tmp_path_factory.mktemp("versions")
    for seed in (1, 2):
        assert main(["--source", str(samples), "--output", str(root / str(seed)), "--seed", str(seed)]) == 0
    return root / "1", root / "2"


@pytest.fixture
def dataset(versions: tuple[Path, Path]) -> Path:
    return versions[0]


@pytest.fixture
def upload_through(aws: Mapping[str, str], bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Upload]:
    """Uploads a data set through a gateway that answers in S3's place."""
    gateways = []

    def run(dataset: Path, answer: Answer) -> None:
        gateway = Gateway(aws["AWS_ENDPOINT_URL"], lambda gateway, key: None, answer)
        gateways.append(gateway)
        threading.Thread(target=gateway.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", gateway.url)
        client = s3_client(1)
        monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
        check_bucket(client, bucket)
        upload_dataset(client, dataset, manifest_of(dataset), bucket=bucket, prefix=PREFIX, replace=False, workers=1)

    yield run
    for gateway in gateways:
        gateway.shutdown()
        gateway.server_close()


@pytest.mark.parametrize("headers", [{}, {"ETag": '"5d41402abc4b2a76b9719d911017c592"'}])
def test_files_that_a_proxy_answers_for_are_not_taken_for_sent(
    bucket: str, dataset: Path, upload_through: Upload, headers: Mapping[str, str]
) -> None:
    lost = [entry.path for entry in manifest_of(dataset).files][1:4]

    def proxy(method: str, path: str) -> tuple[int, Mapping[str, str], bytes] | None:
        return (200, headers, PAGE) if method == "PUT" and path.endswith(tuple(lost)) else None

    with pytest.raises(PrepError, match=r"Something else answered in place of S3 .* check the proxy"):
        upload_through(dataset, proxy)
    assert "manifest.json" not in contents(bucket)
    upload(dataset, bucket)
    assert contents(bucket) == files(dataset)


def test_a_manifest_that_a_proxy_answers_for_is_not_taken_for_sent(
    bucket: str, dataset: Path, upload_through: Upload
) -> None:
    def proxy(method: str, path: str) -> tuple[int, Mapping[str, str], bytes] | None:
        return (200, {}, PAGE) if method == "PUT" and path.endswith("manifest.json") else None

    with pytest.raises(PrepError, match="Something else answered in place of S3"):
        upload_through(dataset, proxy)


@pytest.mark.parametrize("page", [PAGE, PAGE.replace(b"</h1>", b"<br>"), b"", b"{}"])
def test_a_web_page_in_place_of_every_answer_is_one_sentence(
    dataset: Path, upload_through: Upload, page: bytes
) -> None:
    with pytest.raises(PrepError, match="Something else answered in place of S3"):
        upload_through(dataset, lambda method, path: (200, {"Content-Type": "text/html"}, page))


@pytest.mark.parametrize("moment", range(3))
def test_of_two_uploaders_the_winner_has_its_own_files(bucket: str, versions: tuple[Path, Path], moment: int) -> None:
    """The other one writes a file of the same name before, while or after this one does."""
    ours, theirs = versions
    shared = [
        path
        for path in sorted(files(ours).keys() & files(theirs).keys() - {"manifest.json"})
        if files(ours)[path] != files(theirs)[path]
    ]
    assert shared
    done: list[str] = []

    def other(name: str, request: Mapping[str, Any]) -> None:
        """The other uploader, at one moment of ours."""
        at = [name == "head_bucket", name == "get_object", name == "put_object"]
        if at[moment] and not done:
            done.append(name)
            try:
                upload(theirs, bucket)
                done.append("theirs")
            except PrepError as refused:
                assert "--replace" in str(refused)

    try:
        upload(ours, bucket, client=Recorder(other))
        winner = ours
        assert "theirs" not in done
    except PrepError as refused:
        assert "--replace" in str(refused)
        winner = theirs
    there = contents(bucket)
    if "manifest.json" in there:
        assert there["manifest.json"] == files(winner)["manifest.json"]
        assert {path: there[path] for path in files(winner)} == files(winner)


def test_a_late_file_of_the_one_who_lost_does_not_replace_the_winners(bucket: str, versions: tuple[Path, Path]) -> None:
    ours, theirs = versions
    listed: list[str] = []

    class Slow(Recorder):
        """The one who lost: it had looked at the bucket before the winner began."""

        def get_object(self, **request: Any) -> Any:
            try:
                return self.client.get_object(**request)
            finally:
                if not listed:
                    listed.append("looked")
                    upload(ours, bucket)

    with pytest.raises(PrepError, match="Somebody else uploaded"):
        upload(theirs, bucket, client=Slow())
    there = contents(bucket)
    assert {path: there[path] for path in files(ours)} == files(ours)


REASONS = {
    "RequestTimeTooSkewed": (403, "clock is more than 15 minutes off"),
    "ExpiredToken": (400, "credentials have expired: log in again"),
    "InvalidAccessKeyId": (403, "AWS does not know these credentials"),
    "InvalidToken": (400, "AWS does not know these credentials"),
    "SignatureDoesNotMatch": (403, "does not accept the requests' signature"),
    "AccessDenied": (403, "was denied: check its name"),
}


@pytest.mark.parametrize("from_first", [True, False], ids=["from the first request on", "while files are compared"])
@pytest.mark.parametrize("code", REASONS)
def test_the_reason_that_heads_empty_answer_lacks_is_asked_for(
    bucket: str, dataset: Path, upload_through: Upload, code: str, from_first: bool
) -> None:
    status, sentence = REASONS[code]
    body = f"<Error><Code>{code}</Code><Message>Not so.</Message></Error>".encode()
    seen: list[str] = []
    if not from_first:
        upload(dataset, bucket)
        boto3.client("s3").delete_object(Bucket=bucket, Key=f"{PREFIX}/manifest.json")

    def refuse(method: str, path: str) -> tuple[int, Mapping[str, str], bytes] | None:
        seen.append(method)
        if from_first or (seen.count("HEAD") > 2 and method != "PUT"):
            return status, {}, b"" if method == "HEAD" else body
        return None

    with pytest.raises((PrepError, UsageError), match=sentence):
        upload_through(dataset, refuse)
