"""The report shows what was found, needs nothing from elsewhere, and shows no name of a data set but as text."""

from __future__ import annotations

import base64
import errno
import io
import json
import re
import shutil
import struct
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataset_contract.check import count_splits
from dataset_contract.findings import FindingLog, Report
from dataset_contract.report_html import report_page
from dataset_prep.compare import Pair
from dataset_prep.report import write_report
from dataset_prep.run import main
from dataset_prep.selection import Selection
from dataset_prep.similarity import Similarity
from dataset_prep.sources.source import SourceBox, SourceImage
from dataset_prep.write import to_coco
from tests.contract.samples import chunk

EVIL = "<script>alert('$\\no$ & \"x\"')</script>"


class Page(HTMLParser):
    """What a browser would make of a page: its elements with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def box(label: str, *bbox: float) -> SourceBox:
    return SourceBox(label, (bbox[0], bbox[1], bbox[2], bbox[3]))


@pytest.fixture
def selection(make_image: Callable[..., Path]) -> Selection:
    """Three small images in two splits; the name of one class tries to be more than text."""
    boxes = (box("wall", 2, 2, 30, 4), box(EVIL, 5, 8, 20, 20))
    images = [
        SourceImage(number, make_image(f"{number}.png", colour=200 + number), 40, 30, boxes if number < 3 else ())
        for number in (1, 2, 3)
    ]
    return Selection(images, {1: "train", 2: "val", 3: "train"}, ("wall", EVIL))


def written(folder: Path, report: Report, selection: Selection, pairs: list[Pair] | None = None) -> Page:
    write_report(folder, report, selection, pairs or [])
    return Page((folder / "report.html").read_text())


def found(selection: Selection, *, image_id: int = 2, annotation_id: int | None = None) -> Report:
    said = FindingLog(split="val", file="val/annotations.json")
    said.error("BOX_STRANGE", f"Of {EVIL} the box.", f"Correct {EVIL}.", image_id=image_id, annotation_id=annotation_id)
    return Report.of(said.findings(), count_splits(to_coco(selection)))


def test_names_and_messages_of_a_data_set_are_shown_as_text(tmp_path: Path, selection: Selection) -> None:
    page = written(tmp_path, found(selection), selection, [Pair(1, 2, Similarity.NEAR_DUPLICATE, True)])
    assert not page.attributes("script")
    assert f"Of {EVIL} the box." in page.text and f"Correct {EVIL}." in page.text
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]


@settings(max_examples=100, deadline=None)
@given(st.text(), st.text(), st.text())
def test_no_text_becomes_markup_in_the_page_without_images(message: str, fix: str, name: str) -> None:
    def page(*texts: str) -> Page:
        said = FindingLog()
        said.error("CODE", texts[0], texts[1])
        split = {"images": 1, "annotations": 2, "background_images": 0, "annotations_by_class": {texts[2]: 2}}
        return Page(report_page(Report.of(said.findings(), {"splits": {"train": split}})))

    assert page(message, fix, name).elements == page("a", "b", "c").elements


def test_what_was_found_can_be_read_without_unfolding_it() -> None:
    found = FindingLog()
    for message in ("The first.", "The second."):
        found.warning("SOME_CODE", message, "Correct it.")
    summary = re.search("<summary>.*?</summary>", report_page(Report.of(found.findings(), {})))
    assert summary is not None
    assert "The first." in summary[0] and "The second." not in summary[0]


def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path, selection: Selection) -> None:
    page = written(tmp_path, found(selection), selection, [Pair(1, 2, Similarity.PIXELS, True)])
    for tag, attributes in page.elements:
        assert tag not in {"link", "script", "iframe", "object", "embed"}
        for name in ("src", "href", "xlink:href"):
            target = attributes.get(name)
            assert target is None or target.startswith(("data:image/", "#")), (tag, target)
    html = (tmp_path / "report.html").read_text()
    assert "http" not in html and "@import" not in html
    assert not re.search(r"url\((?!['\"]?#)", html)


def test_each_picture_is_whole(tmp_path: Path, selection: Selection) -> None:
    for image in selection.images:  # more characters than any text that the page shows
        Image.effect_noise((10 * image.width, 10 * image.height), 80).convert("RGB").save(image.path)
    page = written(tmp_path, found(selection), selection, [Pair(1, 2, Similarity.PIXELS, True)])
    sources = [str(attributes["src"]) for attributes in page.attributes("img")]
    assert len(sources) >= 5 and max(map(len, sources)) > 2000
    for source in sources:
        with Image.open(io.BytesIO(base64.b64decode(source.partition("base64,")[2], validate=True))) as picture:
            picture.load()


def test_images_have_words_and_tables_have_headers(tmp_path: Path, selection: Selection) -> None:
    page = written(tmp_path, found(selection), selection, [Pair(1, 2, Similarity.PIXELS, True)])
    images = page.attributes("img")
    assert images and all(attributes.get("alt") for attributes in images)
    plots = [attributes for attributes in page.attributes("div") if attributes.get("role") == "img"]
    assert len(plots) == len(page.attributes("svg")) == 3
    assert "wall: 1.0 in" not in str(plots[0].get("aria-label")), "each plot has words of its own"
    assert "wall: 0.5 in train, 1.0 in val" in str(plots[2].get("aria-label"))
    headers = page.attributes("th")
    assert {attributes.get("scope") for attributes in headers} == {"col", "row"}
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(set(ids)) == len(ids)
    assert page.attributes("html") == [{"lang": "en"}]


def test_the_verdict_stands_above_all_else(tmp_path: Path, selection: Selection) -> None:
    refused = written(tmp_path / "refused", found(selection), selection).text
    valid = written(tmp_path / "valid", Report.of([], count_splits(to_coco(selection))), selection).text
    assert refused.index("Refused: ") < refused.index("Counts") < refused.index("Findings") < refused.index("Samples")
    assert "Valid: training may start" in valid and "Nothing was found." in valid


def test_the_box_that_a_finding_means_stands_out(tmp_path: Path, selection: Selection) -> None:
    """Annotation 4 is the second box of image 2; an error may name the annotation only."""
    plain = written(tmp_path, found(selection), selection)
    marked = written(tmp_path, found(selection, annotation_id=4), selection)
    assert marked.attributes("img")[0]["alt"] == plain.attributes("img")[0]["alt"] == "image 2 with its boxes"
    assert marked.attributes("img")[0]["src"] != plain.attributes("img")[0]["src"]


def test_images_that_are_alike_stand_side_by_side(tmp_path: Path, selection: Selection) -> None:
    page = written(tmp_path, Report.of([], {}), selection, [Pair(1, 2, Similarity.NEAR_DUPLICATE, True)])
    assert "two splits 1 (train) and 2 (val): nearly the same look" in page.text
    assert [attributes["alt"] for attributes in page.attributes("img")[:2]] == ["image 1", "image 2"]


def test_a_pair_of_which_one_has_gone_is_not_shown(tmp_path: Path, selection: Selection) -> None:
    selection.images[1].path.unlink()
    pairs = [Pair(1, 2, Similarity.PIXELS, True), Pair(1, 3, Similarity.PIXELS, False)]
    page = written(tmp_path / "report", found(selection), selection, pairs)
    assert "1 (train) and 3 (train): the same pixels" in page.text
    assert "2 (val)" not in page.text


def test_a_large_data_set_makes_no_large_page(tmp_path: Path, selection: Selection) -> None:
    one = selection.images[0]
    images = [SourceImage(number, one.path, 40, 30, one.boxes) for number in range(1, 3001)]
    many = Selection(images, dict.fromkeys(range(1, 3001), "train"), selection.classes)
    said = FindingLog()
    for image in images:
        for code in ("A", "B", "C", "D", "E", "F"):
            said.warning(code, f"{code} {image.image_id}", "Correct it.", image_id=image.image_id)
    pairs = [Pair(1, number, Similarity.PIXELS, False) for number in range(2, 3001)]
    page = written(tmp_path, Report.of(said.findings(), count_splits(to_coco(many))), many, pairs)
    assert len(page.attributes("img")) == 12 + 2 * 12 + 12
    assert "12 of 2,999 pairs" in page.text and "12 of 3,000 images" in page.text
    assert "at most 3 of a kind and 12 in" in page.text


def test_a_selection_without_boxes_or_readable_images_has_a_report(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n")
    nothing = Selection([SourceImage(1, broken, 4, 4, ())], {1: "train"}, ("wall",))
    page = written(tmp_path / "r", found(nothing, image_id=1), nothing)
    assert not page.attributes("img") and not page.attributes("svg")
    assert not (tmp_path / "r/samples.png").exists()


@pytest.fixture
def leaking(tmp_path: Path, samples: Path) -> Path:
    """Sample plans of which one of test is a re-encoded copy of one of train, and one more has a broken image."""
    root = Path(shutil.copytree(samples, tmp_path / "plans"))
    original = root / (root / "train.txt").read_text().split()[0].strip("/")
    copy = root / (root / "test.txt").read_text().split()[0].strip("/")
    shutil.rmtree(copy)
    shutil.copytree(original, copy)
    with Image.open(original / "F1_original.png") as opened:
        opened.save(copy / "F1_original.png", compress_level=0)
    return root


def report_of(*arguments: object) -> tuple[int, dict[str, Any], Page]:
    folder = Path(str(arguments[-1]))
    status = main([str(argument) for argument in arguments])
    return status, json.loads((folder / "report.json").read_bytes()), Page((folder / "report.html").read_text())


def test_a_refused_data_set_has_a_report_too(leaking: Path, tmp_path: Path) -> None:
    arguments = ("--source", leaking, "--output", tmp_path / "d", "--split", "official", "--report", tmp_path / "r")
    status, report, page = report_of(*arguments)
    assert status == 1
    assert report.keys() == {"verdict", "counts", "findings"}
    assert report["verdict"] == "invalid"
    codes = {finding["code"]: finding for finding in report["findings"]}
    assert {"LEAKAGE", "LEAKAGE_HEAVY"} <= codes.keys()
    keys = {"code", "severity", "split", "file", "image_id", "annotation_id", "message", "fix"}
    assert all(keys == finding.keys() for finding in report["findings"])
    assert codes["LEAKAGE"]["split"] == "test"
    assert "the same pixels" in page.text and "Refused: " in page.text


def test_a_refused_data_set_is_withdrawn_though_its_report_cannot_be_written(
    leaking: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("dataset_prep.report.write_report", full)
    arguments = ("--source", leaking, "--output", tmp_path / "d", "--split", "official", "--report", tmp_path / "r")
    assert main([str(argument) for argument in arguments]) == 1
    assert (tmp_path / "d/train/annotations.json").exists()
    assert not (tmp_path / "d/manifest.json").exists()


def test_an_image_that_is_refused_is_named_in_the_report(samples: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(samples, tmp_path / "plans"))
    broken = sorted(root.rglob("F1_original.png"))[0]
    with Image.open(broken) as opened:
        buffer = io.BytesIO()
        opened.convert("RGBA").save(buffer, "PNG")
    broken.write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    status, report, page = report_of("--source", root, "--output", tmp_path / "d", "--report", tmp_path / "r")
    assert status == 1
    assert "IMAGE_BROKEN" in {finding["code"] for finding in report["findings"]}
    assert "IMAGE_BROKEN" in page.text


def test_a_png_that_no_one_can_decode_is_refused_though_its_checksums_are_right(samples: Path, tmp_path: Path) -> None:
    output = tmp_path / "d"
    assert main(["--source", str(samples), "--output", str(output)]) == 0
    broken = sorted(output.glob("train/images/*.png"))[0]
    with Image.open(broken) as image:
        width, height = image.size
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", bytes(300)), chunk(b"IEND", b""))
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    for more in ([], ["--dry-run"]):
        status, report, _ = report_of("--source", output, "--output", tmp_path / "e", *more, "--report", tmp_path / "r")
        assert status == 1
        errors = [finding for finding in report["findings"] if finding["severity"] == "error"]
        assert [(finding["code"], finding["image_id"]) for finding in errors] == [("IMAGE_BROKEN", int(broken.stem))]
        assert f"images/{broken.name} cannot be decoded" in errors[0]["message"]
    assert not (tmp_path / "e/manifest.json").exists()


def test_a_dry_run_compares_too(leaking: Path, tmp_path: Path) -> None:
    arguments = ("--source", leaking, "--output", tmp_path / "d", "--split", "official", "--dry-run")
    _, report, page = report_of(*arguments, "--report", tmp_path / "r")
    assert "LEAKAGE" in {finding["code"] for finding in report["findings"]}
    assert "the same pixels" in page.text
    assert not (tmp_path / "d").exists()


def test_a_source_that_is_refused_as_a_whole_has_a_report_as_well(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    Image.new("L", (60, 40)).save(tmp_path / "source" / "a.png")
    (tmp_path / "source" / "plans.json").write_text("{")
    given = ["--source", str(tmp_path / "source" / "plans.json"), "--output", str(tmp_path / "out")]
    assert main([*given, "--report", str(tmp_path / "report")]) == 1
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["verdict"] == "invalid"
    assert report["findings"][0]["severity"] == "error"
    assert "<!doctype html>" in (tmp_path / "report" / "report.html").read_text()
