"""Validate: the same rules as at home, the full report in S3, and little in the state."""

import json
from typing import Any

import pytest
from pipeline.dataset import batches as image_batches
from pipeline.dataset import validation as dataset_validation
from pipeline.dataset.validation import DatasetCheck, Validation
from pipeline.errors import DatasetInvalid, DatasetMissing
from pipeline.state import to_state

from tests.contract.samples import SampleDataset
from tests.contract.test_bounded_json import ATTACKS
from tests.pipeline.bucket_in_memory import BucketInMemory

REPORT = "reports/run/report.json"


def uploaded(files: dict[str, bytes]) -> BucketInMemory:
    """A bucket with these files as data set, and another data set whose prefix begins alike."""
    objects = {f"dino-data/{path}": content for path, content in files.items()}
    return BucketInMemory(objects | {"dino-data-2/manifest.json": b"{}"})


def validation(bucket: BucketInMemory) -> Validation:
    client: Any = bucket
    return Validation(
        s3=client,
        bucket="b",
        prefix="dino-data",
        execution_name="run",
        max_objects_per_image=900,
    )


def validate(bucket: BucketInMemory) -> DatasetCheck:
    return validation(bucket).run()


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample's 8 images are too many for one function, and a batch has 3."""
    monkeypatch.setattr(dataset_validation, "LARGEST_WHOLE", 7)
    monkeypatch.setattr(image_batches, "BATCH_IMAGES", 3)


def validate_in_batches(bucket: BucketInMemory) -> DatasetCheck:
    """As the state machine does it."""
    check = validation(bucket)
    planned = check.run()
    assert (planned.status, len(planned.batches)) == ("in_batches", 3)
    assert REPORT not in bucket.objects
    read = [image_batches.check_batch(check.s3, check.store, bucket="b", batch=batch) for batch in planned.batches]
    assert read == [3, 3, 2]
    return check.merge(planned.batches)


def test_a_sound_data_set_is_valid_and_counted() -> None:
    bucket = uploaded(SampleDataset().all_files())
    check = validate(bucket)
    assert (check.status, check.errors, check.cause) == ("valid", 0, None)
    assert (check.uri, check.images, check.annotations) == ("s3://b/dino-data/", 8, 16)
    assert check.classes == tuple(json.loads(bucket.objects["dino-data/manifest.json"])["classes"])
    report = json.loads(bucket.objects[REPORT])
    manifest = json.loads(bucket.objects["dino-data/manifest.json"])
    assert report["verdict"] == "valid"
    assert report["version"] == check.version == manifest["version"]
    assert check.report_uri == f"s3://b/{REPORT}"


def test_people_get_the_report_as_a_page() -> None:
    files = SampleDataset().all_files()
    del files["train/images/000001.png"]
    bucket = uploaded(files)
    validate(bucket)
    page = bucket.objects["reports/run/report.html"].decode()
    assert page.startswith("<!doctype html>")
    assert "train/images/000001.png" in page


def test_a_data_set_of_more_classes_than_the_recipes_have_is_valid() -> None:
    sample = SampleDataset()
    for coco in sample.coco.values():
        coco["categories"] += [{"id": 3, "name": "bedroom"}, {"id": 4, "name": "kitchen"}]
        coco["annotations"][1]["category_id"], coco["annotations"][3]["category_id"] = 3, 4
    sample.stated = sample.coco
    check = validate(uploaded(sample.all_files()))
    assert (check.status, check.errors, check.cause) == ("valid", 0, None)


def test_a_class_id_that_no_model_has_room_for_is_refused_before_a_job_costs_money() -> None:
    sample = SampleDataset()
    sample.give_a_class_the_id_of_a_billion()
    check = validate(uploaded(sample.all_files()))
    assert check.status == "invalid"
    assert "has the id 1,000,000,000; the largest that is accepted is 1,000." in str(check.cause)


def test_a_missing_image_makes_it_invalid_and_the_cause_names_it() -> None:
    files = SampleDataset().all_files()
    del files["train/images/000001.png"]
    bucket = uploaded(files)
    check = validate(bucket)
    assert check.status == "invalid"
    assert check.cause is not None
    assert "train/images/000001.png" in check.cause
    assert f"The full report is s3://b/{REPORT}." in check.cause
    assert json.loads(bucket.objects[REPORT])["findings"]


def test_a_changed_image_is_found_by_its_hash() -> None:
    files = SampleDataset().all_files()
    content = files["val/images/000005.png"]
    files["val/images/000005.png"] = content[:-13] + bytes([content[-13] ^ 1]) + content[-12:]
    check = validate(uploaded(files))
    assert check.status == "invalid"
    assert "val/images/000005.png" in str(check.cause)


def test_a_manifest_that_cannot_be_read_is_an_invalid_data_set() -> None:
    check = validate(uploaded(SampleDataset().all_files() | {"manifest.json": b"not JSON"}))
    assert (check.status, check.version) == ("invalid", None)
    assert "manifest.json" in str(check.cause)


def test_thousands_of_errors_do_not_fit_the_state_and_stay_in_the_report() -> None:
    sample = SampleDataset()
    annotation = sample.coco["train"]["annotations"][0]
    sample.coco["train"]["annotations"] += [annotation | {"id": 1000 + count, "bbox": []} for count in range(5000)]
    check = validate(uploaded(sample.all_files()))
    assert check.errors >= 5000
    assert len(json.dumps(to_state(check))) < 2000


@pytest.mark.usefixtures("small_batches")
def test_many_images_are_checked_in_batches_with_the_same_result() -> None:
    files = SampleDataset().all_files()
    content = files["val/images/000005.png"]
    damaged = files | {"val/images/000005.png": content[:-13] + bytes([content[-13] ^ 1]) + content[-12:]}
    for sample in (files, damaged):
        merged, whole = uploaded(sample), uploaded(sample)
        check = validate_in_batches(merged)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dataset_validation, "LARGEST_WHOLE", 8)
            assert check == validate(whole)
        assert merged.objects[REPORT] == whole.objects[REPORT]


@pytest.mark.usefixtures("small_batches")
def test_the_batches_of_the_largest_data_set_fit_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_batches, "MOST_BATCHES", 2)
    bucket = uploaded(SampleDataset().all_files())
    check = validation(bucket)
    planned = check.run()
    read = [image_batches.check_batch(check.s3, check.store, bucket="b", batch=batch) for batch in planned.batches]
    assert read == [4, 4]
    assert check.merge(planned.batches).status == "valid"


@pytest.mark.usefixtures("small_batches")
def test_what_is_refused_anyway_is_not_read() -> None:
    sample = SampleDataset()
    sample.coco["train"]["annotations"][0]["bbox"] = []
    check = validate(uploaded(sample.all_files()))
    assert (check.status, check.batches) == ("invalid", ())


@pytest.mark.usefixtures("small_batches")
def test_an_image_that_appears_after_the_batches_were_planned_is_not_passed_over() -> None:
    bucket = uploaded(SampleDataset().all_files())
    check = validation(bucket)
    planned = check.run()
    for batch in planned.batches:
        image_batches.check_batch(check.s3, check.store, bucket="b", batch=batch)
    facts = json.loads(bucket.objects[f"{planned.batches[0][:-5]}-facts.json"])
    del facts["test/images/000007.png"]
    bucket.objects[f"{planned.batches[0][:-5]}-facts.json"] = json.dumps(facts).encode()
    merged = check.merge(planned.batches)
    assert merged.status == "invalid"
    assert "test/images/000007.png" in str(merged.cause)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("content", [*ATTACKS.values(), b"[]", b'{"a": 1}', b'{"a": {"png_header": {"b": 1}}}'])
def test_a_batch_that_somebody_changes_is_said_to_be_changed(content: bytes) -> None:
    bucket = uploaded(SampleDataset().all_files())
    check = validation(bucket)
    planned = check.run()
    for batch in planned.batches:
        image_batches.check_batch(check.s3, check.store, bucket="b", batch=batch)
    bucket.objects[f"{planned.batches[0][:-5]}-facts.json"] = content
    with pytest.raises(DatasetInvalid, match=r"^The check's own file s3://b/reports/.*-facts\.json was changed"):
        check.merge(planned.batches)
    bucket.objects[planned.batches[0]] = content.replace(b"1}", b"-1}")
    with pytest.raises(DatasetInvalid, match=r"^The check's own file s3://b/reports/.*\.json was changed"):
        image_batches.check_batch(check.s3, check.store, bucket="b", batch=planned.batches[0])


def test_an_empty_place_is_a_missing_data_set_with_the_way_to_upload_one() -> None:
    bucket = uploaded({})
    with pytest.raises(DatasetMissing) as refusal:
        validate(bucket)
    assert "s3://b/dino-data/: it is empty" in str(refusal.value)
    assert "dataset_prep/run.py --source FOLDER --bucket b --prefix dino-data" in str(refusal.value)
    assert REPORT not in bucket.objects


def test_an_interrupted_upload_is_a_missing_data_set() -> None:
    files = SampleDataset().all_files()
    del files["manifest.json"]
    with pytest.raises(DatasetMissing, match=r"11 objects but no manifest\.json, as after an interrupted upload"):
        validate(uploaded(files))


def test_classes_that_the_validation_split_cannot_measure_are_named() -> None:
    sample = SampleDataset()
    assert validate(uploaded(sample.all_files())).unmeasured == ()
    for annotation in sample.coco["val"]["annotations"]:
        annotation["iscrowd"] = int(annotation["category_id"] == 2)
    check = validate(uploaded(sample.all_files()))
    assert check.status == "valid"
    assert check.unmeasured == check.classes[1:]
