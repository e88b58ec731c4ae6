"""Plots for the project's pages: SVG elements in the page's own text colour, light or dark."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#010203"
"""Replaced by the page's own text colour."""
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 11,
    "text.parse_math": False,  # a class may have a $ in its name
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot, and its content in words for those who do not see it."""

    title: str
    svg: str
    words: str


def plot_figure() -> tuple[Figure, Axes]:
    """A figure with one plot and no background."""
    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(5.4, 3.3), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.subplots()
    axes.patch.set_alpha(0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#88888855")
    axes.set_axisbelow(True)
    return figure, axes


def figure_svg(figure: Figure, name: str) -> str:
    """The figure as an element of HTML that takes the page's text colour and names no address.

    Its ids are made of `name`, so that they are the same in each run and differ from those of the page's other plots.
    """
    buffer = io.StringIO()
    with mpl.rc_context({**_SETTINGS, "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # the page's reader has other fonts than this machine
        if figure.axes[0].get_legend_handles_labels()[0]:
            figure.legend(loc="outside upper left", ncols=3, frameon=False, labelcolor=INK)
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # the same in each plot; an id is unique in a page
    return re.sub(r"\s+xmlns(?::xlink)?=\"[^\"]*\"", "", svg)
