"""The parts of the check, run in different processes and put together, say what check_dataset says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_contract.check import check_content, check_dataset, check_images, images_to_read
from dataset_contract.file_facts import FileFacts, read_image_facts
from dataset_contract.findings import Report
from dataset_contract.layout import MANIFEST
from dataset_contract.manifest import parse_manifest
from dataset_contract.png import PngHeader
from dataset_contract.stores import DirectoryStore
from tests.contract.samples import SampleDataset, png

TRAIN_1 = "train/images/000001.png"


def damaged(root: Path) -> DirectoryStore:
    sample = SampleDataset()
    sample.files[TRAIN_1] = png()[:-20]
    sample.files["val/images/000005.png"] = png(7, 7)
    sample.coco["train"]["annotations"][0]["bbox"] = [1, 1, 0, 5]
    return DirectoryStore(sample.write(root))


@pytest.mark.parametrize("share", [1, 3, 100])
def test_the_facts_of_any_shares_make_the_same_report(tmp_path: Path, share: int) -> None:
    store = damaged(tmp_path)
    manifest, _ = parse_manifest(store.read(MANIFEST))
    assert manifest is not None
    wanted = list(images_to_read(manifest, store.list()).items())
    shares = [dict(wanted[start : start + share]) for start in range(0, len(wanted), share)]
    sent = [
        json.dumps({path: facts.to_json() for path, facts in read_image_facts(store, part).items()}) for part in shares
    ]
    merged = {path: FileFacts.from_json(value) for part in sent for path, value in json.loads(part).items()}
    content = check_content(store)
    report = Report.of([*content.findings, *check_images(content, merged)], content.counts)
    assert report == check_dataset(store)
    assert {"IMAGE_DAMAGED", "IMAGE_SIZE_DIFFERS", "BOX_EMPTY"} <= report.count_by_code().keys()


def test_an_image_whose_facts_got_lost_is_an_error(tmp_path: Path) -> None:
    store = DirectoryStore(SampleDataset().write(tmp_path))
    content = check_content(store)
    facts = read_image_facts(store, content.images)
    assert check_images(content, facts) == []
    del facts[TRAIN_1]
    (finding,) = check_images(content, facts)
    assert (finding.code, finding.severity.value, finding.file) == ("FILE_NOT_CHECKED", "error", TRAIN_1)


def test_checking_the_content_reads_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = DirectoryStore.read
    monkeypatch.setattr(DirectoryStore, "read", lambda self, path: read.append(path) or real(self, path))  # type: ignore[func-returns-value]
    content = check_content(DirectoryStore(SampleDataset().write(tmp_path)))
    assert read == [MANIFEST, "train/annotations.json", "val/annotations.json", "test/annotations.json"]
    assert content.counts["images"] == 8
    assert len(content.images) == 8


def test_without_a_manifest_there_is_nothing_more_to_check(tmp_path: Path) -> None:
    content = check_content(DirectoryStore(tmp_path))
    assert [finding.code for finding in content.findings] == ["MANIFEST_MISSING"]
    assert check_images(content, {}) == []


headers = st.builds(PngHeader, st.integers(1), st.integers(1), st.sampled_from([8, 16]), st.sampled_from([0, 2, 3, 6]))


@given(
    st.builds(
        FileFacts,
        st.none() | st.text(),
        st.none() | headers,
        st.none() | st.tuples(st.text(), st.text()),
        st.none() | st.text(),
    )
)
def test_facts_survive_json(facts: FileFacts) -> None:
    assert FileFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
