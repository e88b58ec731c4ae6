"""Writes the report of a preparation: report.json for programs, report.html for people, samples.png to look at."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PIL import Image

from dataset_contract.findings import Finding, Report
from dataset_prep.images import ImageError, open_picture
from dataset_prep.leakage import Pair
from dataset_prep.preview import choose_samples, colour_of, contact_sheet, draw_boxes
from dataset_prep.selection import Selection
from dataset_prep.sources.source import SourceImage

_SAMPLES = 12
_SIDE = 420

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1180px; margin: 2rem auto; padding: 0 1rem; }
h1 small { font-weight: normal; font-size: 1rem; margin-left: .6rem; padding: .15rem .6rem; }
h1 small { border-radius: 1rem; color: #fff; }
.valid { background: #2a7d3b; } .invalid { background: #b3261e; }
table { border-collapse: collapse; } td, th { padding: .3rem .9rem; text-align: right; border-bottom: 1px solid #8884; }
td:first-child, th:first-child { text-align: left; }
.error { color: #b3261e; } .warning { color: #a86500; } .info { color: #3b6ea8; }
li { margin: .4rem 0; } li code { font-size: .85em; } .fix { opacity: .75; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(270px, 1fr)); gap: 1rem; }
figure { margin: 0; } figure img { width: 100%; border: 1px solid #8884; background: #fff; }
figcaption { font-size: .85em; opacity: .8; }
.swatch { display: inline-block; width: .9em; height: .9em; margin: 0 .3em 0 1em; }
"""


def write_report(folder: Path, report: Report, selection: Selection, pairs: Sequence[Pair] = ()) -> None:
    """Write report.json, report.html and samples.png to `folder`; the same data set gives the same files."""
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / "report.json", json.dumps(report.to_json(), indent=1, ensure_ascii=False).encode() + b"\n")
    samples = [image for image in choose_samples(selection.images, _SAMPLES) if _can_be_shown(image)]
    _replace(folder / "report.html", _page(report, selection, samples).encode())
    if samples:
        _replace(folder / "samples.png", _png(contact_sheet(samples, selection.classes)))


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)


def _can_be_shown(image: SourceImage) -> bool:
    try:
        open_picture(image.path)
    except (ImageError, OSError):  # a finding of its own
        return False
    return True


def _page(report: Report, selection: Selection, samples: Sequence[SourceImage]) -> str:
    legend = "".join(
        f'<span class="swatch" style="background: rgb{colour_of(name, selection.classes)}"></span>{escape(name)}'
        for name in selection.classes
    )
    pictures = "".join(_figure(image, selection) for image in samples)
    findings = "".join(map(_finding, report.findings)) or "<li>None.</li>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Data set report</title>'
        f"<style>{_STYLE}</style></head><body>"
        f'<h1>Data set report <small class="{report.verdict}">{report.verdict}</small></h1>'
        f"<h2>Counts</h2>{_table(selection)}"
        f"<h2>Findings</h2><ul>{findings}</ul>"
        f'<h2>Samples <span style="font-size: 1rem; font-weight: normal">{legend}</span></h2>'
        f'<div class="grid">{pictures}</div></body></html>\n'
    )


def _table(selection: Selection) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in ("split", "images", "without boxes", *selection.classes))
    rows = []
    for split, counts in selection.counts()["splits"].items():
        numbers = [counts["images"], counts["background_images"], *counts["annotations_by_class"].values()]
        rows.append(f"<tr><td>{split}</td>" + "".join(f"<td>{number:,}</td>" for number in numbers) + "</tr>")
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _finding(finding: Finding) -> str:
    severity = finding.severity.value
    return (
        f'<li><b class="{severity}">{severity}</b> {escape(finding.message)} '
        f'<span class="fix">{escape(finding.fix)}</span> <code>{escape(finding.code)}</code></li>'
    )


def _figure(image: SourceImage, selection: Selection) -> str:
    data = base64.b64encode(_png(draw_boxes(open_picture(image.path), image.boxes, selection.classes, _SIDE))).decode()
    split = selection.splits[image.image_id]
    caption = f"{image.image_id} ({split}), {image.width} x {image.height}, {len(image.boxes)} boxes"
    return f'<figure><img alt="" src="data:image/png;base64,{data}"><figcaption>{escape(caption)}</figcaption></figure>'


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
