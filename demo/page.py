"""Renders build/demo/index.html, a self-contained page, from what one demo has produced."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import matplotlib as mpl
from matplotlib.figure import Figure
from PIL import Image

from demo.summary import Summary

TEMPLATE = Path(__file__).with_name("page.html.jinja")


@dataclass(frozen=True, slots=True)
class SamplePicture:
    """A plan of the data set with its boxes drawn."""

    split: str
    image_id: int
    picture: str


@dataclass(frozen=True, slots=True)
class PredictionPair:
    """A held-out plan twice: with its true boxes and with the predicted ones."""

    image_id: int
    truth: str
    true_boxes: int
    predicted: str
    predicted_boxes: int


@dataclass(frozen=True, slots=True)
class PhaseCost:
    """A phase's time here, and its price on SageMaker, or None where it costs no instance money."""

    name: str
    seconds: float
    usd: float | None


@dataclass(frozen=True, slots=True)
class InstancePrice:
    """The on-demand price of the job's instance type, and where it is from."""

    instance_type: str
    usd_per_hour: float
    region: str
    date: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the page shows; the template takes the fields by their names."""

    summary: Summary
    preset: str
    generated: bool
    classes: Sequence[str]
    colours: Mapping[str, str]
    states: Sequence[str]
    held_out: str
    """The split of the predictions."""
    predictions: Sequence[PredictionPair]
    samples: Sequence[SamplePicture]
    losses: Sequence[float]
    f1: float | None
    """None where there was nothing to validate on."""
    phases: Sequence[PhaseCost]
    price: InstancePrice

    def to_html(self) -> str:
        """The page as HTML; every text in it is escaped."""
        environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
        return environment.from_string(TEMPLATE.read_text()).render(
            vars(self),
            loss_curve=loss_curve_svg(self.losses),
            total_seconds=sum(phase.seconds for phase in self.phases),
            total_usd=sum(phase.usd or 0.0 for phase in self.phases),
        )


def data_uri(image: Image.Image) -> str:
    """The image as a PNG inside a URI, so that the page needs no other file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def loss_curve_svg(losses: Sequence[float]) -> str:
    """The loss of each step and its running mean, as an SVG element."""
    window = max(1, len(losses) // 20)
    running = [
        sum(losses[max(0, i - window + 1) : i + 1]) / len(losses[max(0, i - window + 1) : i + 1])
        for i in range(len(losses))
    ]
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
