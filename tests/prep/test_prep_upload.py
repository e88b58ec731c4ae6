"""S3 holds exactly the data set, verified, sent once, and never looks complete when it is not."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from dataset_contract.check import check_dataset
from dataset_contract.manifest import Manifest, parse_manifest
from dataset_contract.stores import DirectoryStore, S3Store
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.run import main
from dataset_prep.upload import Uploaded, check_bucket, s3_client, upload_dataset
from dataset_prep.upload_transfer import _store

PREFIX = "dino-data"


@pytest.fixture(scope="module")
def dataset(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of the sample plans. Not to be changed."""
    root = tmp_path_factory.mktemp("dataset") / "d"
    assert main(["--source", str(samples), "--output", str(root)]) == 0
    return root


@pytest.fixture(scope="module")
def smaller(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another version: of the first five plans."""
    root = tmp_path_factory.mktemp("smaller") / "d"
    assert main(["--source", str(samples), "--output", str(root), "--limit", "5"]) == 0
    return root


def s3() -> Any:
    return boto3.client("s3")


def manifest_of(root: Path) -> Manifest:
    manifest, _ = parse_manifest((root / "manifest.json").read_bytes())
    assert manifest is not None
    return manifest


def upload(root: Path, bucket: str, *, replace: bool = False, client: Any = None) -> Uploaded:
    return upload_dataset(
        client or s3_client(4), root, manifest_of(root), bucket=bucket, prefix=PREFIX, replace=replace, workers=4
    )


def contents(bucket: str, prefix: str = PREFIX) -> dict[str, bytes]:
    client = s3()
    keys = [item["Key"] for item in client.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
    return {key[len(prefix) + 1 :]: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


class Recorder:
    """An S3 client that notes its calls, and may do something before one of them."""

    def __init__(self, before: Any = None) -> None:
        self.client = s3_client(4)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.before = before

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)
        if not callable(method):
            return method

        def call(*args: Any, **request: Any) -> Any:
            self.calls.append((name, request))
            if self.before is not None:
                self.before(name, request)
            return method(*args, **request)

        return call

    def named(self, name: str) -> list[dict[str, Any]]:
        return [request for called, request in self.calls if called == name]


def test_every_byte_arrives_and_the_check_holds_there(bucket: str, dataset: Path) -> None:
    done = upload(dataset, bucket)
    assert contents(bucket) == files(dataset)
    assert (done.sent, done.skipped, done.removed) == (len(files(dataset)) - 1, 0, 0)
    report = check_dataset(S3Store(s3(), bucket, PREFIX))
    assert report.verdict == "valid", report.findings


def test_s3_verified_the_sha256_of_every_file_and_keeps_it(bucket: str, dataset: Path) -> None:
    upload(dataset, bucket)
    keys = [f"{PREFIX}/{path}" for path in files(dataset)]
    kept = [s3().head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")["ChecksumSHA256"] for key in keys]
    assert kept == [base64.b64encode(sha256(data).digest()).decode() for data in files(dataset).values()]


def test_the_manifest_goes_last_and_on_condition(bucket: str, dataset: Path) -> None:
    there: list[str] = []
    client = Recorder(before=lambda name, _: there.extend(contents(bucket) if name == "put_object" else []))
    upload(dataset, bucket, client=client)
    [manifest] = client.named("put_object")
    assert (manifest["Key"], manifest["IfNoneMatch"]) == (f"{PREFIX}/manifest.json", "*")
    assert sorted(there) == sorted(files(dataset).keys() - {"manifest.json"})


def test_a_second_upload_sends_nothing_and_asks_for_no_single_object(bucket: str, dataset: Path) -> None:
    upload(dataset, bucket)
    client = Recorder()
    done = upload(dataset, bucket, client=client)
    assert (done.sent, done.skipped) == (0, len(manifest_of(dataset).files))
    assert client.named("put_object") == client.named("head_object") == []


def test_what_was_changed_behind_our_back_is_sent_again(bucket: str, dataset: Path) -> None:
    upload(dataset, bucket)
    path = "train/annotations.json"
    size = (dataset / path).stat().st_size
    s3().put_object(Bucket=bucket, Key=f"{PREFIX}/{path}", Body=b"x" * (size - 1))
    assert upload(dataset, bucket).sent == 1
    assert contents(bucket) == files(dataset)


def test_objects_without_the_right_hash_are_sent_again_also_with_the_right_size(bucket: str, dataset: Path) -> None:
    path = "train/annotations.json"
    size = (dataset / path).stat().st_size
    s3().put_object(Bucket=bucket, Key=f"{PREFIX}/{path}", Body=b"x" * size, ChecksumAlgorithm="SHA256")
    done = upload(dataset, bucket)
    assert (done.sent, done.skipped) == (len(manifest_of(dataset).files), 0)
    assert contents(bucket) == files(dataset)


def test_another_version_needs_replace_and_then_leaves_nothing_behind(
    bucket: str, dataset: Path, smaller: Path
) -> None:
    upload(dataset, bucket)
    with pytest.raises(PrepError, match=r"already holds another version .* give --replace"):
        upload(smaller, bucket)
    assert contents(bucket) == files(dataset), "a refusal changes nothing"
    done = upload(smaller, bucket, replace=True)
    assert contents(bucket) == files(smaller)
    assert done.removed == len(files(dataset).keys() - files(smaller).keys())


def test_the_rest_of_a_half_upload_of_another_version_needs_replace(bucket: str, dataset: Path, smaller: Path) -> None:
    upload(dataset, bucket)
    s3().delete_object(Bucket=bucket, Key=f"{PREFIX}/manifest.json")
    with pytest.raises(PrepError, match=r"holds \d files that this data set does not have"):
        upload(smaller, bucket)
    upload(smaller, bucket, replace=True)
    assert contents(bucket) == files(smaller)


def test_what_is_no_part_of_a_data_set_is_never_removed(bucket: str, dataset: Path) -> None:
    s3().put_object(Bucket=bucket, Key=f"{PREFIX}/thesis.docx", Body=b"mine")
    with pytest.raises(PrepError, match=r"holds thesis\.docx"):
        upload(dataset, bucket, replace=True)
    assert contents(bucket) == {"thesis.docx": b"mine"}


@pytest.mark.parametrize("replace", [False, True])
def test_of_two_who_upload_at_the_same_time_one_is_refused(
    bucket: str, dataset: Path, smaller: Path, replace: bool
) -> None:
    if replace:
        upload(dataset, bucket)

    def somebody_else(name: str, request: dict[str, Any]) -> None:
        if name == "put_object" and request["Key"].endswith("manifest.json"):
            s3().put_object(Bucket=bucket, Key=request["Key"], Body=b"{}")

    with pytest.raises(PrepError, match="Somebody else uploaded"):
        upload(smaller, bucket, replace=replace, client=Recorder(somebody_else))
    assert contents(bucket)["manifest.json"] == b"{}"


def test_bytes_that_changed_since_the_check_are_not_sent(bucket: str, dataset: Path, tmp_path: Path) -> None:
    for path, data in files(dataset).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    (tmp_path / "val/annotations.json").write_bytes(b"{}")
    with pytest.raises(PrepError, match=r"val/annotations\.json is not what the manifest says"):
        upload(tmp_path, bucket)
    assert not contents(bucket).keys() & {"manifest.json", "val/annotations.json"}


@pytest.mark.parametrize("key", ["train/annotations.json/", "/train/annotations.json", "train/", "train//x"])
def test_objects_whose_keys_only_look_like_ours_are_seen(bucket: str, dataset: Path, key: str) -> None:
    upload(dataset, bucket)
    s3().put_object(Bucket=bucket, Key=f"{PREFIX}/{key}", Body=b"mine")
    with pytest.raises(PrepError, match=rf"holds {key}, which does not belong to a data set"):
        upload(dataset, bucket)


@pytest.mark.parametrize("prefix", ["", "two/levels", "pläne & co/#1 100%25 [neu]", "empty//level"])
def test_below_any_prefix_the_keys_are_the_paths(bucket: str, dataset: Path, prefix: str) -> None:
    s3().put_object(Bucket=bucket, Key="elsewhere", Body=b"") if prefix else None
    for sent in (len(files(dataset)) - 1, 0):
        done = upload_dataset(
            s3_client(1), dataset, manifest_of(dataset), bucket=bucket, prefix=prefix, replace=False, workers=1
        )
        assert done.sent == sent
    below = f"{prefix}/" if prefix else ""
    keys = {item["Key"] for item in s3().list_objects_v2(Bucket=bucket)["Contents"]} - {"elsewhere"}
    assert keys == {below + path for path in files(dataset)}


def test_an_invalid_data_set_is_not_uploaded(bucket: str, tmp_path: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 10, "height": 10}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 50, 5], "area": 250, "iscrowd": 0}],
        "categories": [{"id": 1, "name": "wall"}],
    }
    (tmp_path / "coco").mkdir()
    (tmp_path / "coco/a.json").write_text(json.dumps(content))
    from PIL import Image

    Image.new("L", (10, 10)).save(tmp_path / "coco/a.png")
    arguments = ["--source", str(tmp_path / "coco"), "--output", str(tmp_path / "d"), "--bucket", bucket]
    assert main(arguments) == 1
    assert contents(bucket) == {}


def test_a_bucket_that_does_not_exist_is_wrong_usage(in_aws: None) -> None:
    with pytest.raises(UsageError, match="There is no bucket nobody-has-this"):
        check_bucket(s3_client(1), "nobody-has-this")


def test_without_credentials_the_person_is_told_what_to_set(in_aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(UsageError, match="There are no AWS credentials: set AWS_PROFILE"):
        check_bucket(s3_client(1), "plans")


def test_a_wrong_profile_or_bucket_name_is_one_sentence(in_aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"^not a bucket is not a bucket's name"):
        check_bucket(s3_client(1), "not a bucket")
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(UsageError, match="nobody"):
        s3_client(1)


def test_the_copy_in_s3_is_the_folder_as_checked(bucket: str, dataset: Path) -> None:
    upload(dataset, bucket)
    there, here = S3Store(s3(), bucket, PREFIX), DirectoryStore(dataset)
    assert there.list() == here.list()
    assert all(there.sha256(path) == here.sha256(path) for path in here.list())


def test_an_object_that_s3_does_not_remove_is_named(bucket: str, dataset: Path, smaller: Path) -> None:
    refused = []

    class Refusing(Recorder):
        def delete_objects(self, **request: Any) -> dict[str, Any]:
            refused.append(request["Delete"]["Objects"][1]["Key"])
            return {"Errors": [{"Key": refused[0], "Message": "Access Denied"}]}

    upload(dataset, bucket)
    with pytest.raises(PrepError) as raised:
        upload(smaller, bucket, replace=True, client=Refusing())
    assert str(raised.value) == f"s3://{bucket}/{refused[0]} cannot be removed: Access Denied"


@pytest.mark.parametrize("region", ["us-east-1", "us-west-2"])
def test_fips_endpoints_are_left_to_boto3(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """They know no paths with the bucket's name, as obstore asks for, and boto3 tells a host that there is not."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, value in (("ACCESS_KEY_ID", "x"), ("SECRET_ACCESS_KEY", "x"), ("DEFAULT_REGION", region)):
        monkeypatch.setenv(f"AWS_{name}", value)
    for fips in (True, False):
        client = boto3.client("s3", config=Config(use_fips_endpoint=fips))
        monkeypatch.setattr(client, "head_bucket", lambda **_: {})
        assert (_store(client, "bucket", "dino-data/") is None) is fips
