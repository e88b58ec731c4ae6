"""What is beside the checkpoints: the time of the last one, and a health.json that may be anything."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.response import StreamingBody
from hypothesis import given
from hypothesis import strategies as st
from pipeline.job.checkpoint_folder import CheckpointFolder, read_checkpoint_folder
from pipeline.job.evaluated_epochs import EvaluatedEpoch
from pipeline.job.health_reader import read_health

from tests.contract.test_bounded_json import ATTACKS
from tests.pipeline.conftest import StubbedClient
from training_code.job.checkpoints import save_checkpoint
from training_code.job.health import judge_health

URI = "s3://bucket/checkpoints/run/0/"
PREFIX = "checkpoints/run/0/"
AT = datetime(2026, 11, 20, 10, tzinfo=UTC)
CHECKPOINT = "checkpoint-00000010-0123456789abcdef.pt"
LATER = datetime(2026, 11, 20, 11, tzinfo=UTC)


def expect_objects(s3: StubbedClient, **written: datetime) -> None:
    contents = [{"Key": f"{PREFIX}{name}", "LastModified": at} for name, at in written.items()]
    s3.expect(
        "list_objects_v2", {"Contents": contents} if contents else {}, Bucket="bucket", Prefix=PREFIX, Delimiter="/"
    )


def body(content: bytes) -> dict[str, Any]:
    return {"Body": StreamingBody(io.BytesIO(content), len(content))}


def test_the_last_checkpoint_and_the_health_are_read(s3: StubbedClient) -> None:
    expect_objects(s3, **{CHECKPOINT: LATER, "health.json": AT})
    health = judge_health([float(loss) for loss in range(100, 0, -1)], seconds=700, needed_minutes=10)
    s3.expect("get_object", body(json.dumps(health).encode()), Bucket="bucket", Key=f"{PREFIX}health.json")
    found = read_checkpoint_folder(s3.client, URI)
    assert (found.last_checkpoint, found.last_written, found.health_written) == (LATER, LATER, AT)
    assert found.health is not None
    assert (found.health.status, found.health.steps, found.health.failed_messages) == ("healthy", 100, ())


def test_the_evaluations_so_far_are_read(s3: StubbedClient) -> None:
    expect_objects(s3, **{"metrics.json": AT})
    content = json.dumps({"evaluations": [{"epoch": 2, "step": 10, "seconds": 60.5, "mean_f1": 0.25, "ap": 0.1}]})
    s3.expect("get_object", body(content.encode()), Bucket="bucket", Key=f"{PREFIX}metrics.json")
    found = read_checkpoint_folder(s3.client, URI)
    assert found.evaluations == (EvaluatedEpoch(epoch=2, seconds=60.5, mean_f1=0.25),)
    assert (found.health, found.last_written) == (None, AT)


def test_other_files_than_checkpoints_are_no_checkpoint_but_written(s3: StubbedClient) -> None:
    expect_objects(s3, **{CHECKPOINT: AT, ".writing-00000020": LATER, "history.jsonl": LATER})
    found = read_checkpoint_folder(s3.client, URI)
    assert (found.last_checkpoint, found.last_written) == (AT, LATER)


def test_the_age_of_a_checkpoint_is_that_of_a_file_as_the_trainer_names_it(tmp_path: Path, s3: StubbedClient) -> None:
    expect_objects(s3, **{save_checkpoint(tmp_path, 10, {}).name: AT})
    assert read_checkpoint_folder(s3.client, URI).last_checkpoint == AT


def test_an_empty_folder_tells_nothing(s3: StubbedClient) -> None:
    expect_objects(s3)
    assert read_checkpoint_folder(s3.client, URI) == CheckpointFolder()


def test_a_health_json_that_is_replaced_at_this_moment_is_read_at_the_next_look(s3: StubbedClient) -> None:
    expect_objects(s3, **{"health.json": AT})
    s3.refuse("get_object", "NoSuchKey", "The specified key does not exist.", 404)
    assert read_checkpoint_folder(s3.client, URI).health is None


def test_evaluations_that_are_replaced_at_this_moment_are_read_at_the_next_look(s3: StubbedClient) -> None:
    expect_objects(s3, **{"metrics.json": AT})
    s3.refuse("get_object", "NoSuchKey", "The specified key does not exist.", 404)
    assert read_checkpoint_folder(s3.client, URI).evaluations == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"status": "fine", "steps": 1, "seconds": 1, "checks": {}}',
        b'{"status": "healthy", "steps": NaN, "seconds": 1, "checks": {}}',
        b'{"status": "healthy", "steps": "1", "seconds": 1, "checks": {}}',
        b'{"status": "healthy", "steps": 1, "seconds": 1, "checks": {"a": 1}}',
        b'{"status": ["healthy"], "steps": 1, "seconds": 1, "checks": {}}',
    ],
)
def test_a_health_json_that_is_none_is_passed_over(content: bytes) -> None:
    assert read_health(content) is None


HOSTILE = {
    **ATTACKS,
    **{
        f"{field} {value}"[:30]: json.dumps({"status": "healthy", "steps": 1, "seconds": 1, "checks": {}}).replace(
            f'"{field}": 1', f'"{field}": {value}'
        )
        for field in ("steps", "seconds")
        for value in ("-1", "true", "1" + "0" * 400, "1e400", "1e300", "NaN")
    },
    "long": json.dumps({"status": "healthy", "steps": 1, "seconds": 1, "checks": {}, "note": "a" * 4_000_000}),
    "many checks": json.dumps(
        {
            "status": "healthy",
            "steps": 1,
            "seconds": 1,
            "checks": {f"{number}": {"passed": True, "message": ""} for number in range(400)},
        }
    ),
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_health_json_is_passed_over(s3: StubbedClient, attack: str) -> None:
    content = HOSTILE[attack]
    expect_objects(s3, **{"health.json": AT})
    answer = body(content.encode() if isinstance(content, str) else content)
    s3.expect("get_object", answer, Bucket="bucket", Key=f"{PREFIX}health.json")
    assert read_checkpoint_folder(s3.client, URI) == CheckpointFolder(last_written=AT, health_written=AT)


def test_what_a_health_json_says_is_short_and_on_one_line() -> None:
    check = {"passed": False, "message": "\x1b[2J\nThe loss fell." * 100}
    health = {"status": "unhealthy", "steps": 1, "seconds": 1, "checks": {"\x1b" * 70: check}}
    found = read_health(json.dumps(health).encode())
    assert found is not None
    assert all(message.isprintable() and len(message) <= 300 for message in found.failed_messages)


@given(
    st.lists(st.floats(-1e6, 1e6), max_size=60),
    st.floats(0, 1e5),
    st.floats(0, 60),
    st.sampled_from([None, "OOM", "NAN_LOSS", "STALL"]),
)
def test_whatever_the_trainer_judges_is_understood(
    losses: list[float], seconds: float, minutes: float, failure: str | None
) -> None:
    judged = judge_health(losses, seconds=seconds, needed_minutes=minutes, failure=failure)
    health = read_health(json.dumps(judged).encode())
    assert health is not None
    assert (health.status, health.steps) == (judged["status"], len(losses))
    assert len(health.passed_messages) + len(health.failed_messages) == len(judged["checks"])
    assert ("no_error" in health.passed) is (failure is None)
