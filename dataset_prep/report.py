"""Writes the report of a preparation: report.json for programs, report.html for people, samples.png to look at.

The page stays a few megabytes however large the data set is: it shows samples, not all images.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from dataset_contract.atomic_write import write_atomically
from dataset_contract.findings import Finding, FindingLog, Report, Severity
from dataset_contract.layout import annotations_path
from dataset_contract.report_html import report_page
from dataset_prep.compare import Pair
from dataset_prep.pages import page_environment
from dataset_prep.plural import pluralise
from dataset_prep.preview import CONTACT_SIDE, contact_sheet, data_uri
from dataset_prep.report_plots import MAX_CLASSES, make_plots
from dataset_prep.selection import Selection
from dataset_prep.similarity import Similarity
from dataset_prep.sources.source import SourceBox, SourceImage
from drawing.boxes import colour_of, draw_boxes
from drawing.samples import choose_samples
from image_reader.decoding import open_image
from image_reader.encoding import encode_png
from image_reader.header import ImageError

TEMPLATE = Path(__file__).with_name("report.html.jinja")
STYLE = Path(__file__).with_name("report.css")

_SAMPLES = 12
_WORST = 12
_WORST_PER_CODE = 3
_PAIRS = 12
_SIDE = 480
_QUALITY = 80  # of WebP: 20 to 40 kB an image, a third of a PNG
_HOW = {
    Similarity.PIXELS: "the same pixels",
    Similarity.NEAR_DUPLICATE: "nearly the same look",
    Similarity.PLAN: "the same plan of CubiCasa5K",
}


def write_report(folder: Path, report: Report, selection: Selection, pairs: Sequence[Pair] = ()) -> None:
    """Write report.json, report.html and samples.png to `folder`; the same data set gives the same files.

    `pairs` are the similar images, the worst first.
    """
    samples = list(_samples(selection))
    _write_texts(folder, report, _page(report, selection, pairs, samples))
    if samples:
        sheet = contact_sheet([sample.image for sample in samples], [sample.small for sample in samples])
        write_atomically(folder / "samples.png", encode_png(sheet))


def write_refusal(folder: Path, message: str) -> None:
    """Write report.json and report.html of a source that was refused as a whole."""
    found = FindingLog()
    found.error("SOURCE_REFUSED", message, "Correct the source, then give the same command again.")
    report = Report.of(found.findings(), {})
    _write_texts(folder, report, report_page(report))


def _write_texts(folder: Path, report: Report, page: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n"
    for name, text in (("report.json", content), ("report.html", page)):
        # Names on disk may hold what is not Unicode.
        write_atomically(folder / name, text.encode("utf-8", "backslashreplace"))


class _Sample(NamedTuple):
    """An image that is shown, drawn for the page and for the sheet: decoded once for both."""

    image: SourceImage
    uri: str
    small: Image.Image


def _samples(selection: Selection) -> Iterator[_Sample]:
    for image in choose_samples(selection.images, _SAMPLES):
        if (picture := _picture(image)) is not None:
            small = draw_boxes(picture, image.boxes, selection.classes, CONTACT_SIDE)
            yield _Sample(image, _data_uri(picture, image, selection), small)


def _picture(image: SourceImage) -> Image.Image | None:
    try:
        return open_image(image.path)
    except (ImageError, OSError):  # a finding of its own
        return None


def _page(report: Report, selection: Selection, pairs: Sequence[Pair], samples: Sequence[_Sample]) -> str:
    environment = page_environment()
    sections = environment.from_string(TEMPLATE.read_text()).render(
        worst=list(_worst(report, selection)),
        pairs=list(_pairs(pairs, selection)),
        pair_count=pluralise(len(pairs), "pair", "pairs"),
        plots=make_plots(selection),
        hidden_classes=len(selection.classes) > MAX_CLASSES,
        samples=[_described(sample, selection) for sample in samples],
        image_count=len(selection.images),
        classes=[(name, f"rgb{colour_of(name, selection.classes)}") for name in selection.classes],
        limits={"worst": _WORST, "worst_per_code": _WORST_PER_CODE, "classes": MAX_CLASSES},
    )
    return report_page(report, style=STYLE.read_text(), sections=sections)


def _described(sample: _Sample, selection: Selection) -> dict[str, Any]:
    image = sample.image
    return {
        "image_id": image.image_id,
        "split": selection.splits[image.image_id],
        "width": image.width,
        "height": image.height,
        "boxes": pluralise(len(image.boxes), "box", "boxes"),
        "uri": sample.uri,
    }


def _worst(report: Report, selection: Selection) -> Iterator[dict[str, Any]]:
    """The images of errors and warnings; those about pairs of images have a section of their own."""
    images = {image.image_id: image for image in selection.images}
    numbered = _numbered(selection)
    shown: Counter[str] = Counter()
    for finding in report.findings:
        image_id, meant = finding.image_id, None
        if finding.annotation_id in numbered and _is_of_the_data_set(finding):
            image_id, meant = numbered[finding.annotation_id]
        image = images.get(image_id) if image_id is not None else None
        if (
            image is None
            or finding.severity is Severity.INFO
            or "LEAKAGE" in finding.code
            or "DUPLICATE_IMAGE" in finding.code
            or shown[finding.code] == _WORST_PER_CODE
            or (picture := _picture(image)) is None
        ):
            continue
        shown[finding.code] += 1
        yield {
            "image_id": image.image_id,
            "severity": finding.severity.value,
            "code": finding.code,
            "message": finding.message,
            "uri": _data_uri(picture, image, selection, meant),
        }
        if shown.total() == _WORST:
            return


def _is_of_the_data_set(finding: Finding) -> bool:
    """Its annotation id is one that was written, not one of the source's own."""
    return finding.split is not None and finding.file == annotations_path(finding.split)


def _numbered(selection: Selection) -> dict[int, tuple[int, SourceBox]]:
    """Annotation id as write.to_coco counts them -> image id and box."""
    images = sorted(selection.images, key=lambda image: image.image_id)
    return dict(enumerate(((image.image_id, box) for image in images for box in image.boxes), start=1))


def _pairs(pairs: Sequence[Pair], selection: Selection) -> Iterator[dict[str, Any]]:
    images = {image.image_id: image for image in selection.images}
    for pair in pairs[:_PAIRS]:
        first, second = images[pair.first], images[pair.second]
        one, other = _picture(first), _picture(second)
        if one is None or other is None:  # gone, or too large for the memory that is left, since they were compared
            continue
        yield {
            "first": pair.first,
            "second": pair.second,
            "first_split": selection.splits[pair.first],
            "second_split": selection.splits[pair.second],
            "first_uri": _data_uri(one, first, selection),
            "second_uri": _data_uri(other, second, selection),
            "leaks": pair.leaks,
            "how": _HOW[pair.similarity],
        }


def _data_uri(picture: Image.Image, image: SourceImage, selection: Selection, meant: SourceBox | None = None) -> str:
    """The image with its boxes, and one of them marked, inside a URI."""
    drawn = draw_boxes(picture, image.boxes, selection.classes, _SIDE, marked=meant)
    return data_uri(drawn, "webp", quality=_QUALITY)
