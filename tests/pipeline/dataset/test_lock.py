"""No two executions work on one data set, and no lock outlives its holder."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pipeline.dataset.lock import acquire, release
from pipeline.errors import AlreadyRunning, AwsUnavailable
from pipeline.execution import Execution
from pipeline.request import Request
from pipeline.state import to_state
from pipeline.steps import lock

from tests.contract.test_bounded_json import ATTACKS
from tests.pipeline.conftest import context

KEY = "locks/dino-data.json"
TAKEN = datetime(2026, 11, 20, tzinfo=UTC)


def client_error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


class ConditionalBucket:
    """S3's conditional writes over a dict; `meddle` is called before each of them, as another execution may act."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.writes = 0
        self.meddle: Callable[[], None] = lambda: None

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        if Key not in self.objects:
            raise client_error("NoSuchKey", "GetObject")
        content, etag = self.objects[Key]
        return {"Body": BytesIO(content), "ETag": etag, "LastModified": TAKEN}

    def put_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: bytes,
        ContentType: str,
        IfMatch: str | None = None,
        IfNoneMatch: str | None = None,
    ) -> None:
        assert (IfMatch is None) != (IfNoneMatch is None), "every write of a lock is conditional"
        self.meddle()
        self._check(Key, IfMatch, "PutObject")
        if IfNoneMatch and Key in self.objects:
            raise client_error("PreconditionFailed", "PutObject")
        self.place(Body, Key)

    def delete_object(self, *, Bucket: str, Key: str, IfMatch: str) -> None:
        self.meddle()
        self._check(Key, IfMatch, "DeleteObject")
        del self.objects[Key]

    def get_paginator(self, operation: str) -> "ConditionalBucket":
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        found = {key: content for key, (content, _) in self.objects.items() if key.startswith(Prefix)}
        contents = [{"Key": key, "Size": len(content), "LastModified": TAKEN} for key, content in found.items()]
        return [{"Contents": [item]} for item in contents] or [{}]

    def place(self, content: bytes, key: str = KEY) -> None:
        self.writes += 1
        self.objects[key] = (content, f'"{self.writes}"')

    def holder(self) -> str | None:
        return json.loads(self.objects[KEY][0])["execution"] if KEY in self.objects else None

    def _check(self, key: str, etag: str | None, operation: str) -> None:
        if etag is not None and key not in self.objects:
            raise client_error("NoSuchKey", operation)
        if etag is not None and self.objects[key][1] != etag:
            raise client_error("PreconditionFailed", operation)


class Executions:
    """DescribeExecution; an execution that is not there does not exist."""

    def __init__(self, **statuses: str) -> None:
        self.statuses = statuses

    redrives = 0
    """That it shows."""

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:
        name = executionArn.rsplit(":", 1)[-1]
        if name not in self.statuses:
            raise client_error("ExecutionDoesNotExist", "DescribeExecution")
        return {"status": self.statuses[name], "redriveCount": self.redrives}


def execution(name: str, machine: str = "Pipeline") -> Execution:
    arn = f"arn:aws:states:us-east-1:123456789012:execution:{machine}:{name}"
    return Execution.from_context(context(Id=arn, Name=name))


def take(
    bucket: ConditionalBucket, name: str, executions: Executions, prefix: str = "dino-data", *, minutes: float = 60
) -> str:
    """The lock's key. minutes: after the last lock was taken."""
    s3: Any = bucket
    stepfunctions: Any = executions
    now = TAKEN + timedelta(minutes=minutes)
    return acquire(s3, stepfunctions, bucket="b", dataset_prefix=prefix, execution=execution(name), now=now).key


def give_back(bucket: ConditionalBucket, name: str, *, redrives: int = 0) -> None:
    s3: Any = bucket
    release(s3, bucket="b", execution=replace(execution(name), redrive_count=redrives))


def test_a_free_data_set_is_taken_and_given_back() -> None:
    bucket = ConditionalBucket()
    assert take(bucket, "one", Executions()) == KEY
    assert bucket.holder() == execution("one").arn
    give_back(bucket, "one")
    give_back(bucket, "one")
    assert bucket.objects == {}


@pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
def test_the_second_of_two_executions_is_told_of_the_first(status: str) -> None:
    bucket = ConditionalBucket()
    executions = Executions(one=status, two="RUNNING")
    take(bucket, "one", executions)
    with pytest.raises(AlreadyRunning, match=r"The execution one already works on the data set dino-data: wait") as end:
        take(bucket, "two", executions)
    assert "executions/details/arn:aws:states:us-east-1:123456789012:execution:Pipeline:one" in str(end.value)
    assert bucket.holder() == execution("one").arn


def test_an_execution_that_has_just_taken_the_lock_may_not_be_shown_yet() -> None:
    bucket = ConditionalBucket()
    take(bucket, "one", Executions())
    with pytest.raises(AwsUnavailable, match=r"does not show \S+:one yet"):
        take(bucket, "two", Executions(), minutes=0.5)
    assert bucket.holder() == execution("one").arn
    take(bucket, "two", Executions(), minutes=1)
    assert bucket.holder() == execution("two").arn


def test_an_end_gives_back_all_that_its_execution_holds_and_nothing_else() -> None:
    bucket = ConditionalBucket()
    take(bucket, "one", Executions())
    take(bucket, "one", Executions(), "dino-data/2026-11")
    take(bucket, "two", Executions(), "dino-data-2")
    give_back(bucket, "one")
    assert list(bucket.objects) == ["locks/dino-data-2.json"]


def test_an_end_before_a_redrive_gives_back_nothing_that_was_taken_after_it() -> None:
    bucket = ConditionalBucket()
    bucket.place(json.dumps({"execution": execution("one").arn, "redrive_count": 1}).encode())
    give_back(bucket, "one")
    assert bucket.holder() == execution("one").arn
    give_back(bucket, "one", redrives=1)
    assert bucket.holder() is None


def test_a_lock_that_cannot_be_read_keeps_no_other_from_being_given_back() -> None:
    class PartlyDenied(ConditionalBucket):
        def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
            if Key == "locks/a.json":
                raise client_error("AccessDenied", "GetObject")
            return super().get_object(Bucket=Bucket, Key=Key)

    bucket = PartlyDenied()
    bucket.place(b"{}", "locks/a.json")
    take(bucket, "one", Executions())
    with pytest.raises(ClientError, match="AccessDenied"):
        give_back(bucket, "one")
    assert list(bucket.objects) == ["locks/a.json"]


def test_other_data_sets_are_free() -> None:
    bucket = ConditionalBucket()
    executions = Executions(one="RUNNING")
    take(bucket, "one", executions)
    assert take(bucket, "two", executions, "dino-data/2026-11") == "locks/dino-data/2026-11.json"


def test_a_second_try_and_a_redrive_keep_the_lock() -> None:
    bucket = ConditionalBucket()
    take(bucket, "one", Executions())
    assert take(bucket, "one", Executions(one="RUNNING")) == KEY
    assert bucket.writes == 1


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", None])
def test_the_lock_of_an_execution_that_has_ended_is_taken_over(status: str | None) -> None:
    bucket = ConditionalBucket()
    take(bucket, "one", Executions())
    take(bucket, "two", Executions(one=status) if status else Executions())
    assert bucket.holder() == execution("two").arn
    give_back(bucket, "one")
    assert bucket.holder() == execution("two").arn, "one's late release leaves two's lock alone"


@pytest.mark.parametrize(
    "content",
    [
        *ATTACKS.values(),
        b"[]",
        b'{"execution": 5}',
        json.dumps({"execution": execution("x", "Old").arn}).encode(),
        json.dumps({"execution": f"{execution('x').arn}\n\x1b"}).encode(),
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_lock_that_names_no_execution_of_this_pipeline_is_taken_over_and_kept_from_nobody(content: bytes) -> None:
    bucket = ConditionalBucket()
    bucket.place(content, "locks/a.json")
    take(bucket, "two", Executions())
    give_back(bucket, "two")
    assert list(bucket.objects) == ["locks/a.json"]
    bucket.place(content)
    take(bucket, "one", Executions())
    assert bucket.holder() == execution("one").arn


def test_of_two_that_find_it_free_at_the_same_time_one_wins() -> None:
    bucket = ConditionalBucket()

    def two_is_faster() -> None:
        bucket.meddle = lambda: None
        take(bucket, "two", Executions())

    bucket.meddle = two_is_faster
    with pytest.raises(AlreadyRunning, match="The execution two already"):
        take(bucket, "one", Executions(two="RUNNING"))


def test_of_two_that_take_over_a_dead_lock_at_the_same_time_one_wins() -> None:
    bucket = ConditionalBucket()
    executions = Executions(dead="ABORTED", two="RUNNING")
    take(bucket, "dead", executions)

    def two_is_faster() -> None:
        bucket.meddle = lambda: None
        take(bucket, "two", executions)

    bucket.meddle = two_is_faster
    with pytest.raises(AlreadyRunning, match="The execution two already"):
        take(bucket, "one", executions)
    assert bucket.holder() == execution("two").arn


def test_a_lock_that_is_released_while_it_is_taken_over_is_free() -> None:
    bucket = ConditionalBucket()
    take(bucket, "dead", Executions())

    def it_is_released() -> None:
        bucket.meddle = lambda: None
        bucket.objects.clear()

    bucket.meddle = it_is_released
    take(bucket, "one", Executions(dead="FAILED"))
    assert bucket.holder() == execution("one").arn


def test_a_lock_that_changes_hands_all_the_time_is_tried_again_later() -> None:
    bucket = ConditionalBucket()
    bucket.place(b"")
    bucket.meddle = lambda: bucket.place(b"")
    with pytest.raises(AwsUnavailable, match="changed hands"):
        take(bucket, "one", Executions())


def test_a_lock_that_another_takes_over_while_it_is_released_is_left_alone() -> None:
    bucket = ConditionalBucket()
    take(bucket, "one", Executions())
    bucket.meddle = lambda: bucket.place(json.dumps({"execution": execution("two").arn}).encode())
    give_back(bucket, "one")
    assert bucket.holder() == execution("two").arn


@pytest.mark.parametrize("operation", ["get_object", "put_object"])
def test_a_refusal_is_no_free_lock(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise client_error("AccessDenied", operation)

    bucket = ConditionalBucket()
    monkeypatch.setattr(bucket, operation, refuse)
    with pytest.raises(ClientError, match="AccessDenied"):
        take(bucket, "one", Executions())


def test_a_service_that_is_busy_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def throttle(**_: Any) -> None:
        raise client_error("ThrottlingException", "DescribeExecution")

    bucket, executions = ConditionalBucket(), Executions()
    take(bucket, "one", executions)
    monkeypatch.setattr(executions, "describe_execution", throttle)
    with pytest.raises(AwsUnavailable):
        take(bucket, "two", executions)


def test_the_step_takes_the_lock_of_the_requests_data_set(request_: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = ConditionalBucket()
    monkeypatch.setenv("BUCKET", "b")
    monkeypatch.setattr(lock, "s3_client", lambda: bucket)
    monkeypatch.setattr(lock, "stepfunctions_client", Executions)
    assert lock.handler({"execution": context(), "request": to_state(request_)}, None) == {"key": KEY}
    assert bucket.holder() == context()["Id"]


def test_an_answer_from_before_the_holders_redrive_takes_no_lock() -> None:
    bucket, executions = ConditionalBucket(), Executions(one="ABORTED")
    bucket.place(json.dumps({"execution": execution("one").arn, "redrive_count": 1}).encode())
    with pytest.raises(AwsUnavailable, match="does not show the redrive"):
        take(bucket, "two", executions)
    executions.redrives = 1
    take(bucket, "two", executions)
    assert bucket.holder() == execution("two").arn
