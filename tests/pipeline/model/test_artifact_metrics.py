"""What model.tar.gz tells of its run, read as a stream, whatever is packed into it."""

import gzip
import io
import json
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from botocore.response import StreamingBody
from hypothesis import given
from hypothesis import strategies as st
from pipeline.errors import AwsUnavailable
from pipeline.model import artifact_metrics
from pipeline.model.artifact_metrics import Artifact, SplitMetrics, StageMetrics, parse_metrics, read_artifact

from archive_reader.tar_members import MODEL_LIMITS
from tests.archive_reader.hostile_archives import HOSTILE
from tests.contract.test_bounded_json import ATTACKS
from tests.pipeline.artifacts import HEALTH, METRICS, packed
from tests.pipeline.conftest import StubbedClient

URI = "s3://bucket/training-jobs/job/output/model.tar.gz"


def read(s3: StubbedClient, content: bytes, *, length: int | None = None) -> Artifact:
    body = StreamingBody(io.BytesIO(content), len(content) if length is None else length)
    s3.expect("get_object", {"Body": body}, Bucket="bucket", Key="training-jobs/job/output/model.tar.gz")
    return read_artifact(s3.client, URI)


@pytest.mark.parametrize("folder", ["", "./"])
def test_metrics_and_health_are_read(s3: StubbedClient, folder: str) -> None:
    files = {"model.safetensors": b"\0" * 100_000, "metrics.json": METRICS, "health.json": HEALTH}
    found = read(s3, packed({f"{folder}{name}": content for name, content in files.items()}))
    assert found.metrics == StageMetrics(ap=0.71, f1=0.93, f1_by_class={"wall": 0.95, "room": 0.91})
    assert found.metrics_file == METRICS
    assert found.health is not None
    assert (found.health.status, found.complaint) == ("healthy", None)


def test_an_artifact_that_is_not_there_is_said_to_be_missing(s3: StubbedClient) -> None:
    s3.refuse("get_object", "NoSuchKey", "The specified key does not exist.", 404)
    found = read_artifact(s3.client, URI)
    assert (found.complaint, found.has_model) == (f"Of the model {URI} it does not exist.", False)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (packed({}), "it has no metrics.json"),
        (packed({"code/metrics.json": METRICS}), "it has no metrics.json"),
        (packed({"metrics.json": b"not JSON"}), "metrics.json cannot be used"),
        (packed({"metrics.json": b"[]"}), "it is not an object"),
        *((packed({"metrics.json": content}), "metrics.json cannot be used: it ") for content in ATTACKS.values()),
        (packed({"metrics.json": METRICS.replace(b"0.71", b"1" + b"0" * 400)}), "an integer beyond 2^53"),
        (packed({"metrics.json": METRICS.replace(b"0.71", b"1e400")}), "not finite"),
        (packed({"metrics.json": b"[" * 100_000}), "cannot be used"),
        (packed({"metrics.json": b'{"ap": NaN, "f1": 1, "classes": {}}'}), "it holds NaN"),
        (packed({"metrics.json": b'{"ap": 1.5, "f1": 1, "classes": {}}'}), "ap is not a number from 0 to 1"),
        (packed({"metrics.json": b'{"ap": true, "f1": 1, "classes": {}}'}), "ap is not a number from 0 to 1"),
        (packed({"metrics.json": b'{"ap": 1, "classes": {}}'}), "f1 is not a number from 0 to 1"),
        (packed({"metrics.json": b'{"ap": 1, "f1": 1, "classes": {"room": 1}}'}), "classes.room is not an object"),
        (packed({"metrics.json": b'{"ap": 1, "f1": 1, "classes": {"a": {"f1": 2}}}'}), "classes.a.f1"),
        (packed({"metrics.json": b'{"ap": 1, "f1": 1, "classes": []}'}), "classes is not an object"),
        (packed({"metrics.json": METRICS[:-1] + b', "test": []}'}), "test is not an object"),
        (packed({"metrics.json": METRICS[:-1] + b', "test": {}}'}), "test.classes is not an object"),
        (
            packed({"metrics.json": METRICS[:-1] + b', "test": ' + METRICS.replace(b"0.91", b"9.1") + b"}"}),
            "test.classes",
        ),
        (b"", "the archive is damaged"),
        (b"neither gzip nor tar", "the archive is damaged"),
        (gzip.compress(b"not a tar archive" * 100, mtime=0), "the archive is damaged"),
        (packed({"a": b"a" * 100_000, "metrics.json": METRICS})[:-40], "the archive is damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whatever_is_odd_becomes_a_sentence(s3: StubbedClient, content: bytes, said: str) -> None:
    found = read(s3, content)
    assert found.metrics is None
    assert found.complaint is not None
    assert said in found.complaint
    assert URI in found.complaint
    assert found.complaint.isprintable()


@pytest.mark.parametrize(
    ("content", "has_model"),
    [
        (packed({"health.json": HEALTH}), False),
        (packed({}), False),
        (packed({"metrics.json": b"not JSON"}), True),
        (packed({"metrics.json": METRICS + b" " * artifact_metrics.MAX_FILE_BYTES}), True),
        (packed({"a": b"a" * 100_000, "metrics.json": METRICS})[:-40], True),
    ],
    ids=["health alone", "empty", "damaged metrics", "too large metrics", "damaged archive"],
)
def test_only_a_whole_archive_without_metrics_is_known_to_have_no_model(
    s3: StubbedClient, content: bytes, has_model: bool
) -> None:
    assert read(s3, content).has_model is has_model


def test_the_health_of_a_run_without_usable_metrics_is_still_known(s3: StubbedClient) -> None:
    found = read(s3, packed({"health.json": HEALTH, "metrics.json": b"{}"}))
    assert (found.metrics, found.health is not None) == (None, True)


@pytest.mark.parametrize("attack", HOSTILE)
def test_an_attack_tells_no_metrics_and_takes_little_memory(s3: StubbedClient, attack: str) -> None:
    tracemalloc.start()
    try:
        found = read(s3, HOSTILE[attack])
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert (found.metrics, found.metrics_file) == (None, None)
    assert str(found.complaint).startswith(f"Of the model {URI} ")
    assert str(found.complaint).isprintable()


def test_a_file_that_is_too_large_is_not_read(s3: StubbedClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact_metrics, "MAX_FILE_BYTES", 1000)
    found = read(s3, packed({"metrics.json": METRICS + b" " * 2000}))
    assert "more than 1,000" in str(found.complaint)


def test_a_bomb_is_left_unread(s3: StubbedClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifact_metrics, "MODEL_LIMITS", replace(MODEL_LIMITS, bytes=1_000_000, headers=5))
    bomb = packed({"model.safetensors": b"\0" * 2_000_000, "metrics.json": METRICS})
    assert len(bomb) < 10_000
    assert "the archive holds more than 1,000,000 bytes" in str(read(s3, bomb).complaint)
    many = packed({**{f"{count}": b"" for count in range(6)}, "metrics.json": METRICS})
    assert "the archive has more than 5 entries" in str(read(s3, many).complaint)


def test_a_connection_that_breaks_off_is_tried_again(s3: StubbedClient) -> None:
    whole = packed({"model.safetensors": b"\0" * 1_000_000, "metrics.json": METRICS})
    with pytest.raises(AwsUnavailable):
        read(s3, whole[:-600], length=len(whole))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(json_values | st.fixed_dictionaries({"ap": json_values, "f1": json_values, "classes": json_values}))
def test_no_json_breaks_the_reader(value: Any) -> None:
    try:
        metrics = parse_metrics(json.dumps(value).encode())
    except ValueError as refusal:
        assert str(refusal)
        return
    assert 0 <= metrics.ap <= 1
    assert 0 <= metrics.f1 <= 1
    assert all(f1 is None or 0 <= f1 <= 1 for f1 in metrics.f1_by_class.values())


def test_class_names_cannot_forge_lines() -> None:
    content = json.dumps({"ap": 1, "f1": 1, "classes": {"room\nThe gate is met.": {"f1": 1}}})
    assert list(parse_metrics(content.encode()).f1_by_class) == ["room\\nThe gate is met."]


def test_the_test_split_is_read_where_there_is_one() -> None:
    assert parse_metrics(METRICS).test is parse_metrics(METRICS[:-1] + b', "test": null}').test is None
    test = parse_metrics(METRICS[:-1] + b', "test": ' + METRICS + b"}").test
    assert test == SplitMetrics(ap=0.71, f1=0.93, f1_by_class={"wall": 0.95, "room": 0.91})


def test_the_epochs_trained_and_their_evaluations_are_read() -> None:
    evaluations = b'[{"epoch": 3, "seconds": 9, "mean_f1": 0.5, "ap": 0.1}]'
    metrics = parse_metrics(METRICS[:-1] + b', "epochs_trained": 4, "evaluations": ' + evaluations + b"}")
    assert (metrics.epochs_trained, [each.epoch for each in metrics.evaluations]) == (4, [3])
    assert (parse_metrics(METRICS).epochs_trained, parse_metrics(METRICS).evaluations) == (None, ())


@pytest.mark.parametrize("odd", [b"0", b"true", b'"4"', b"4.0", b"1e9", b"null", b"[]"])
def test_a_number_of_epochs_that_is_none_is_passed_over(odd: bytes) -> None:
    assert parse_metrics(METRICS[:-1] + b', "epochs_trained": ' + odd + b"}").epochs_trained is None


def test_a_class_without_a_box_has_no_f1() -> None:
    assert parse_metrics(b'{"ap": 1, "f1": 1, "classes": {"room": {"f1": null}}}').f1_by_class == {"room": None}
