"""The report's plots as SVG elements: how large boxes are, how many an image has, and how the splits differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from numpy.typing import NDArray

from dataset_contract.layout import SPLITS
from dataset_prep.selection import Selection
from dataset_prep.svg_plots import INK, Plot, figure_svg, plot_figure
from drawing.boxes import colour_of

MAX_CLASSES = 6
"""More lines than these in one plot cannot be told apart; the most frequent classes are shown."""


def make_plots(selection: Selection) -> list[Plot]:
    """The plots that there are data for: none without boxes."""
    totals = Counter(box.label for image in selection.images for box in image.boxes)
    classes = [name for name, _ in totals.most_common(MAX_CLASSES)]
    if not classes:
        return []
    return [
        _box_sizes(selection, classes),
        _boxes_per_image(selection, classes),
        *([_balance(selection, classes)] if len(set(selection.splits.values())) > 1 else []),
    ]


def _colour(name: str, selection: Selection) -> str:
    return "#" + bytes(colour_of(name, selection.classes)).hex()


def _box_sizes(selection: Selection, classes: Sequence[str]) -> Plot:
    areas: dict[str, list[float]] = {name: [] for name in classes}
    for box in (box for image in selection.images for box in image.boxes if box.label in areas):
        areas[box.label].append(box.bbox[2] * box.bbox[3])
    sides = {name: np.sqrt([area for area in areas[name] if 0 < area < float("inf")]) for name in classes}
    known = [values for values in sides.values() if len(values)]
    figure, axes = plot_figure()
    words = []
    if known:
        low, high = min(values.min() for values in known), max(values.max() for values in known)
        bins = np.geomspace(low * 0.95, high * 1.05, 41)
        for name, values in sides.items():
            _outline(axes, values, bins, name, _colour(name, selection))
            if len(values):
                words.append(f"{name}: median {np.median(values):.0f}, from {values.min():.0f} to {values.max():.0f}")
    axes.set(xscale="log", xlabel="side of a square of the box's area, pixels", ylabel="share of the class's boxes, %")
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    return Plot("Size of the boxes", figure_svg(figure, "sizes"), f"In pixels, {'; '.join(words)}.")


def _boxes_per_image(selection: Selection, classes: Sequence[str]) -> Plot:
    per_image = [Counter(box.label for box in image.boxes) for image in selection.images]
    numbers = {name: np.array([counts[name] for counts in per_image]) for name in classes}
    most = max(values.max() for values in numbers.values())
    step = max(1, -(-(most + 1) // 40))
    bins = np.arange(0, most + 2 * step, step) - 0.5
    figure, axes = plot_figure()
    for name, values in numbers.items():
        _outline(axes, values, bins, name, _colour(name, selection))
    axes.set(xlabel="boxes of the class in one image", ylabel="share of the images, %", xlim=(-0.5, None))
    words = [f"{name}: {values.mean():.1f} on average, at most {values.max():,}" for name, values in numbers.items()]
    return Plot("Boxes in one image", figure_svg(figure, "numbers"), f"{'; '.join(words)}.")


def _balance(selection: Selection, classes: Sequence[str]) -> Plot:
    used = [split for split in SPLITS if selection.of_split(split)]
    means: Mapping[str, list[float]] = {name: [] for name in classes}
    for split in used:
        images = selection.of_split(split)
        counts = Counter(box.label for image in images for box in image.boxes)
        for name in classes:
            means[name].append(counts[name] / len(images))
    figure, axes = plot_figure()
    width = 0.8 / len(classes)
    for index, (name, values) in enumerate(means.items()):
        places = np.arange(len(used)) + (index - (len(classes) - 1) / 2) * width
        bars = axes.bar(places, values, width * 0.92, color=_colour(name, selection), label=name)
        axes.bar_label(bars, fmt="%.1f", fontsize=9, padding=2, color=INK)
    axes.set_xticks(range(len(used)), used)
    axes.set(ylabel="boxes in an image, on average")
    words = [
        f"{name}: " + ", ".join(f"{value:.1f} in {split}" for split, value in zip(used, values, strict=True))
        for name, values in means.items()
    ]
    return Plot(
        "Classes in the splits", figure_svg(figure, "balance"), f"Boxes in an image, on average: {'; '.join(words)}."
    )


def _outline(axes: Axes, values: NDArray[Any], bins: NDArray[Any], name: str, colour: str) -> None:
    counts = np.histogram(values, bins)[0]
    axes.stairs(100 * counts / max(1, len(values)), bins, color=colour, fill=True, alpha=0.25)
    axes.stairs(100 * counts / max(1, len(values)), bins, color=colour, linewidth=1.6, label=name)
