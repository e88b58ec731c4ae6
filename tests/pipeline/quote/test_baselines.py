"""Which baselines a run compares with: those about its data set's plans; any other is said, and stops nothing."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pipeline.dataset.validation import DatasetCheck
from pipeline.errors import AwsUnavailable
from pipeline.execution import Execution
from pipeline.quote.baselines import MOST_BASELINES, Baselines, find_baselines

from dataset_contract.coco import Annotation, Category, CocoDataset, Image, coco_to_bytes
from evaluation.results.baseline_files import MAX_BYTES, MAX_ON_A_PLAN
from tests.pipeline.bucket_in_memory import BucketInMemory

PLANS = {"val": (5,), "test": (23, 123)}
BOX = (10.0, 10.0, 100.0, 8.0)
Find = Callable[[Mapping[str, bytes]], tuple[Baselines | None, list[str]]]


def annotations(split: str) -> bytes:
    images = [Image(number, f"images/{number:06d}.png", 400, 200) for number in PLANS[split]]
    boxes = [Annotation(number, number, 1, BOX, BOX[2] * BOX[3]) for number in PLANS[split]]
    return coco_to_bytes(CocoDataset(images, boxes, [Category(1, "wall")]))


def results(*plans: int, times: int = 1, **more: Any) -> bytes:
    entry = {"category_id": 1, "bbox": list(BOX), "score": 0.9}
    return json.dumps([{"image_id": plan, **entry} | more for plan in plans for _ in range(times)]).encode()


@pytest.fixture
def bucket() -> BucketInMemory:
    return BucketInMemory({f"dino-data/{split}/annotations.json": annotations(split) for split in PLANS})


@pytest.fixture
def find(bucket: BucketInMemory, dataset: DatasetCheck, execution: Execution) -> Find:
    """What is found where these files are below baselines/."""

    def found(files: Mapping[str, bytes]) -> tuple[Baselines | None, list[str]]:
        bucket.objects |= {f"baselines/{key}": content for key, content in files.items()}
        s3: Any = bucket
        return find_baselines(s3, bucket="bucket", dataset=dataset, execution=execution)

    return found


def test_without_a_file_there_is_none_and_nothing_to_say(find: Find) -> None:
    assert find({}) == (None, [])
    assert find({"": b"", "yolo/": b""}) == (None, [])


def test_what_was_checked_is_copied_and_nothing_else(find: Find, bucket: BucketInMemory, execution: Execution) -> None:
    """A baseline that is removed or replaced while the job runs must not fail it."""
    files = {"predictions.json": results(23, 123), "val.json": results(5), "classes.txt": b"wall\nroom\n"}
    given = {f"yolo/{name}": content for name, content in files.items()}
    found, notes = find({**given, "yolo/PR_curve.png": b"plot", "yolo/labels/000023.txt": b"0 0 0 0 0 1"})
    prefix = f"reports/{execution.name}/baselines-0/"
    assert (found, notes) == (Baselines(names=("yolo",), prefix=prefix), [])
    copies = {key.removeprefix(prefix): data for key, data in bucket.objects.items() if key.startswith(prefix)}
    assert copies == given


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"predictions.json": results(1, 2, 3)},
            "is about other images: 0 of its 3 are plans of s3://bucket/dino-data/",
        ),
        (
            {"predictions.json": results(23, 7)},
            "1 of its 2 are plans of s3://bucket/dino-data/, the others are not (7); predict",
        ),
        ({"predictions.json": results(5)}, "no detection on the split test, only on val"),
        ({"predictions.json": b"[]"}, "predictions.json holds no detections"),
        ({"predictions.json": b'[{"image_id": 23,'}, "predictions.json cannot be used, since it is not JSON"),
        ({"predictions.json": results(23, score=float("nan"))}, "it holds NaN"),
        ({"predictions.json": results(23, bbox=[0, 0, 4000, 5])}, "outside of its plan of 400 x 200 pixels"),
        ({"predictions.json": b'{"map": 0.5}'}, "holds an object, not a list of detections"),
        (
            {"predictions.json": results(23, times=MAX_ON_A_PLAN + 1)},
            "3,001 detections on the plan 23, more than 3,000",
        ),
        ({"predictions.json": b"[" + b"[],[]," * 2_000_001 + b"[]]"}, "more values than are read"),
        ({"predictions.json": results(23), "again.json": results(23)}, "both have the plan 23"),
        ({"predictions.json": results(23), "classes.txt": b"room\n\nwall\n"}, "classes.txt needs a name on each line"),
        ({"predictions.json": results(23), "classes.txt": b""}, "classes.txt needs a name on each line"),
        ({"predictions.json": results(23), "classes.txt": b"1" * 5_000 + b":wall"}, "classes.txt needs a name on each"),
        ({"predictions.json": results(23), "classes.txt": b"\xff\xfe"}, "classes.txt is not UTF-8"),
        ({"classes.txt": b"room"}, "it has no .json file"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_one_that_cannot_be_compared_with_is_said_with_its_reason(
    find: Find, bucket: BucketInMemory, files: dict[str, bytes], said: str
) -> None:
    found, (note,) = find({f"yolo/{name}": content for name, content in files.items()})
    assert found is None
    assert note.startswith("The baseline yolo is not compared: ")
    assert said in note
    assert not [key for key in bucket.objects if key.startswith("reports/")]


def test_the_others_are_compared_all_the_same(find: Find) -> None:
    found, (note,) = find({"old/predictions.json": results(1), "yolo/predictions.json": results(23)})
    assert found is not None
    assert found.names == ("yolo",)
    assert "The baseline old is not compared" in note


def test_one_that_s3_does_not_give_does_not_keep_the_others(
    find: Find, bucket: BucketInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = bucket.get_object

    def refuse_old(**request: Any) -> Any:
        if request["Key"].startswith("baselines/old/"):
            answer: Any = {"Error": {"Code": "InvalidObjectState", "Message": "It is archived."}}
            raise ClientError(answer, "GetObject")
        return given(**request)

    monkeypatch.setattr(bucket, "get_object", refuse_old)
    found, notes = find({"old/p.json": results(23), "yolo/p.json": results(23)})
    assert found is not None
    assert found.names == ("yolo",)
    assert notes == ["The baseline old is not compared: It is archived."]


def test_one_that_is_too_large_is_not_read(find: Find, bucket: BucketInMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    without_it = BucketInMemory(dict(bucket.objects))
    monkeypatch.setattr(bucket, "get_object", without_it.get_object)
    _, (note,) = find({"yolo/predictions.json": bytes(MAX_BYTES + 1)})
    assert "it has 67,108,865 bytes, more than the 67,108,864 that are read" in note


def test_a_file_in_no_folder_and_a_name_that_cannot_be_one_are_said(find: Find) -> None:
    found, notes = find({"predictions.json": results(23), "my yolo/predictions.json": results(23)})
    assert found is None
    assert "copy it to s3://bucket/baselines/NAME/" in notes[0]
    assert "The baseline my yolo is not compared: the folder's name needs letters" in notes[1]


def test_a_folder_without_a_file_that_is_read_is_said(find: Find) -> None:
    found, (note,) = find({"yolo/": b"", "yolo/labels/000023.txt": b"0 0.5 0.5 0.1 0.1 0.9"})
    assert found is None
    assert note.startswith("The baseline yolo is not compared: it has no .json file: give it")


def test_what_is_said_of_a_bucket_full_of_other_things_is_bounded_and_printable(find: Find) -> None:
    stray = {f"{'x' * 900}-{number:03}\x1b[31m.json": b"[]" for number in range(300)}
    folders = {f"yolo-{number:03}/p.json": results(23) for number in range(300)}
    found, notes = find(stray | folders)
    assert found is not None
    assert len(found.names) == MOST_BASELINES
    assert sum(map(len, notes)) < 8_000
    assert all(note.isprintable() for note in notes)
    assert notes[-1].endswith("585 more are not compared: remove what is not a baseline.")


def test_of_too_many_the_first_are_compared(find: Find) -> None:
    found, (note,) = find({f"yolo-{number}/p.json": results(23) for number in range(MOST_BASELINES + 1)})
    assert found is not None
    assert found.names == tuple(f"yolo-{number}" for number in range(MOST_BASELINES))
    assert "The baseline yolo-5 is not compared: only the first 5" in note


def test_a_redrive_chooses_again_into_a_folder_of_its_own(
    bucket: BucketInMemory, dataset: DatasetCheck, execution: Execution
) -> None:
    bucket.objects["baselines/yolo/p.json"] = results(23)
    s3: Any = bucket
    found, _ = find_baselines(s3, bucket="bucket", dataset=dataset, execution=replace(execution, redrive_count=2))
    assert found is not None
    assert found.prefix == f"reports/{execution.name}/baselines-2/"


@pytest.mark.parametrize(("code", "status"), [("AccessDenied", 403), ("SlowDown", 503)])
def test_a_refusal_is_said_and_a_busy_bucket_asked_again(
    find: Find, bucket: BucketInMemory, monkeypatch: pytest.MonkeyPatch, code: str, status: int
) -> None:
    def refuse(**_: Any) -> None:
        answer: Any = {"Error": {"Code": code, "Message": "No."}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(answer, "GetObject")

    monkeypatch.setattr(bucket, "get_object", refuse)
    files = {"yolo/p.json": results(23)}
    if status == 503:
        with pytest.raises(AwsUnavailable):
            find(files)
    else:
        assert find(files) == (None, ["The baselines at s3://bucket/baselines/ are not compared: No."])
