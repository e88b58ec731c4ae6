"""However an upload is disturbed, the next one leaves in S3 what an undisturbed one does.

The real command line uploads, in a process of its own, through a gateway in front of S3 that disturbs it.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from dataset_contract.check import check_dataset
from dataset_contract.stores import S3Store
from dataset_prep.run import main
from tests.prep.s3_gateway import Disturb, Gateway

RUN = Path(__file__).resolve().parents[2] / "dataset_prep" / "run.py"
FILES = 12  # of nine plans: images, and three splits' annotations; the manifest is the 13th


@pytest.fixture(scope="module")
def dataset(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of the sample plans, which every test uploads, continuing from it."""
    root = tmp_path_factory.mktemp("dataset") / "d"
    assert main(["--source", str(samples), "--output", str(root)]) == 0
    return root


@pytest.fixture
def upload_through(
    aws: Mapping[str, str], bucket: str, samples: Path, dataset: Path
) -> Iterator[Callable[..., tuple[Gateway, int, str, str]]]:
    """Runs the command line through a gateway: (gateway, exit status, standard output, standard error)."""
    gateways = []

    def run(disturb: Disturb, **environment: str | None) -> tuple[Gateway, int, str, str]:
        gateway = Gateway(aws["AWS_ENDPOINT_URL"], disturb)
        gateways.append(gateway)
        threading.Thread(target=gateway.serve_forever, args=(0.01,), daemon=True).start()
        arguments = ["--source", str(samples), "--output", str(dataset), "--bucket", bucket, "--workers", "1"]
        given = {**os.environ, "AWS_ENDPOINT_URL_S3": gateway.url, **environment}
        gateway.client = subprocess.Popen(
            [sys.executable, str(RUN), *arguments],
            env={name: value for name, value in given.items() if value is not None},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        output, errors = gateway.client.communicate(timeout=120)
        gateway.wait_until_all_is_passed_on()
        return gateway, gateway.client.returncode, output, errors

    yield run
    for gateway in gateways:
        gateway.shutdown()
        gateway.server_close()


def undisturbed(gateway: Gateway, key: str) -> None:
    """Let every PUT through."""


def at(number: int, act: Callable[[Gateway], str | None]) -> Disturb:
    """Disturb the PUT of this number, counted from 1."""
    return lambda gateway, key: act(gateway) if len(gateway.puts) == number else None


def contents(bucket: str) -> dict[str, bytes]:
    client = boto3.client("s3")
    keys = [item["Key"] for item in client.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key.removeprefix("dino-data/"): client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def files(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("killed_at", "after"), [(7, "drop answer"), (FILES + 1, "drop"), (FILES + 1, "drop answer")])
def test_after_kill_9_a_second_run_leaves_the_objects_of_an_undisturbed_one(
    bucket: str, dataset: Path, upload_through: Callable[..., Any], killed_at: int, after: str
) -> None:
    def kill(gateway: Gateway) -> str:
        gateway.signal(signal.SIGKILL)
        return after

    _, status, _, _ = upload_through(at(killed_at, kill))
    assert status == -signal.SIGKILL
    half = contents(bucket)
    complete = killed_at == FILES + 1 and after == "drop answer"
    assert (len(half) == FILES + 1) == complete
    assert (check_dataset(S3Store(boto3.client("s3"), bucket, "dino-data")).verdict == "valid") == complete

    gateway, status, _, errors = upload_through(undisturbed)
    assert (status, errors) == (0, "")
    assert contents(bucket) == files(dataset)
    assert len(gateway.puts) == FILES + 1 - len(half), "what had arrived is not sent again"


def test_ctrl_c_stops_the_upload_with_one_sentence(
    bucket: str, dataset: Path, upload_through: Callable[..., Any]
) -> None:
    def interrupt(gateway: Gateway) -> None:
        gateway.signal(signal.SIGINT)

    _, status, _, errors = upload_through(at(2, interrupt))
    assert (status, errors) == (130, "Stopped. Give the same command again to resume.\n")
    assert "manifest.json" not in contents(bucket)


def test_what_s3_throttles_or_drops_is_sent_again_and_counted(
    bucket: str, dataset: Path, upload_through: Callable[..., Any]
) -> None:
    def every_third(gateway: Gateway, key: str) -> str | None:
        return {3: "throttle", 6: "drop", 9: "drop answer"}.get(len(gateway.puts))

    gateway, status, output, errors = upload_through(every_third)
    assert (status, errors) == (0, "")
    assert contents(bucket) == files(dataset)
    assert len(gateway.puts) == FILES + 1 + 3
    assert f"{FILES} files sent" in output
    assert "3 retries" in output


def test_a_file_that_s3_refuses_ends_the_upload_in_one_sentence(
    bucket: str, upload_through: Callable[..., Any]
) -> None:
    def refuse_annotations(gateway: Gateway, key: str) -> str | None:
        return "deny" if key.endswith("val/annotations.json") else None

    _, status, _, errors = upload_through(refuse_annotations)
    assert status == 1
    assert (
        errors
        == f"run.py: Access to the bucket {bucket} was denied: check its name and the credentials' permissions.\n"
    )
    assert "manifest.json" not in contents(bucket)


def test_every_request_is_signed_with_what_the_aws_sdk_finds(
    bucket: str, tmp_path: Path, upload_through: Callable[..., Any]
) -> None:
    client = boto3.client("s3")
    client.delete_bucket(Bucket=bucket)
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    (tmp_path / "config").write_text("[profile plans]\nregion = eu-west-3\n")
    (tmp_path / "credentials").write_text("[plans]\naws_access_key_id = OURS\naws_secret_access_key = secret\n")
    settings: dict[str, str | None] = {
        "AWS_PROFILE": "plans",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_ACCESS_KEY_ID": None,
        "AWS_SECRET_ACCESS_KEY": None,
        "AWS_REGION": None,
        "AWS_DEFAULT_REGION": None,
    }
    gateway, _, _, errors = upload_through(undisturbed, **settings)
    assert errors == ""
    scopes = {re.sub(r".*Credential=(\w+)/\d+/([\w-]+)/.*", r"\1 \2", line) for line in gateway.authorizations}
    assert len(gateway.authorizations) == FILES + 1
    assert scopes == {"OURS eu-west-3"}
