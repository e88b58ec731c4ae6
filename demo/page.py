"""Renders build/demo/index.html, a self-contained page, from what one demo has produced."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from pipeline.instance_types import INSTANCE_TYPES, PRICES_DATE, PRICES_REGION

from dataset_contract.report_html import STYLE
from dataset_prep.pages import page_environment
from dataset_prep.preview import colour_of
from demo.gallery import Pictures
from demo.summary import Summary

TEMPLATE = Path(__file__).with_name("page.html.jinja")


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the page shows; the template takes the fields by their names."""

    summary: Summary
    preset: str
    generated: bool
    classes: Sequence[str]
    states: Sequence[str]
    pictures: Pictures
    losses: Sequence[float]
    metrics: Mapping[str, Any]
    """metrics.json: of the best epoch, on the validation split and, under `test`, on the test split."""
    training_phase: str
    """The only phase that costs instance money on SageMaker."""
    instance_type: str
    billable_seconds: int
    """Of the training job."""

    def to_html(self) -> str:
        """The page as HTML; every text in it is escaped."""
        usd_per_hour = float(INSTANCE_TYPES[self.instance_type].usd_per_hour)
        environment = page_environment()
        return environment.from_string(TEMPLATE.read_text()).render(
            vars(self),
            style=STYLE,
            colours={name: f"rgb{colour_of(name, self.classes)}" for name in self.classes},
            usd_per_hour=usd_per_hour,
            training_usd=self.billable_seconds * usd_per_hour / 3600,
            prices_region=PRICES_REGION,
            prices_date=PRICES_DATE,
            loss_curve=loss_curve_svg(self.losses),
            total_seconds=sum(phase.seconds for phase in self.summary.phases),
        )


def loss_curve_svg(losses: Sequence[float]) -> str:
    """The loss of each step and its running mean, as an SVG element."""
    window = max(1, len(losses) // 20)
    running = [fmean(losses[max(0, i - window + 1) : i + 1]) for i in range(len(losses))]
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "floorplan-dino", "font.size": 11}):
        figure = Figure(figsize=(10, 3.4), layout="constrained")
        axes = figure.subplots()
        steps = range(1, len(losses) + 1)
        axes.plot(steps, losses, color="#b9c6d6", linewidth=1, label="each step")
        axes.plot(steps, running, color="#1c2430", linewidth=2, label=f"mean of {window} steps")
        axes.set(xlabel="step", ylabel="total loss", ylim=(0, None), xlim=(1, max(2, len(losses))))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#dfe4ea")
        axes.legend(frameon=False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :]
