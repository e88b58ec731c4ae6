"""The figures as an HTML page that needs no other file: a table a section, and the curve of the losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.figures import Figure
from dataset_contract.report_html import STYLE
from dataset_prep.pages import page_environment
from dataset_prep.svg_plots import Plot, figure_svg, plot_figure

TEMPLATE = Path(__file__).with_name("page.html.jinja")


def page(heading: str, lead: Sequence[str], sections: Mapping[str, Mapping[str, Any]]) -> str:
    """`sections` by title, each with its `figures`, `seconds` and `failure`."""
    shown = [
        {
            "title": title,
            "failure": section["failure"],
            "seconds": f"{section['seconds']:.0f}",
            "rows": [_row(figure) for figure in section["figures"] if not isinstance(figure.value, list)],
            "plots": [_plot(figure) for figure in section["figures"] if isinstance(figure.value, list)],
        }
        for title, section in sections.items()
    ]
    missed = [row["name"] for section in shown for row in section["rows"] if row["met"] is False]
    failed = [section["title"] for section in shown if section["failure"]]
    rendered: str = (
        page_environment()
        .from_string(TEMPLATE.read_text())
        .render(style=STYLE, heading=heading, lead=lead, sections=shown, missed=missed, failed=failed)
    )
    return rendered


def _row(figure: Figure) -> dict[str, Any]:
    sign = "≤" if figure.better == "lower" else "≥"
    goal = "" if figure.limit is None else f"{sign} {figure.limit:g}"
    return {
        "name": figure.name,
        "value": figure.shown,
        "goal": goal,
        "met": figure.met,
    }


def _plot(figure: Figure) -> Plot:
    assert isinstance(figure.value, list)
    plot, axes = plot_figure()
    axes.plot([x for x, _ in figure.value], [y for _, y in figure.value], color="#2b7bba")
    axes.set(xlabel="step", ylabel=figure.name)
    (first, start), (last, end) = figure.value[0], figure.value[-1]
    words = f"{figure.name}: {start:.4g} at step {first:g}, {end:.4g} at step {last:g}"
    return Plot(figure.name, figure_svg(plot, figure.name), words)
