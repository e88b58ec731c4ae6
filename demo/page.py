"""Renders build/demo/index.html, a self-contained page, from what one demo has produced."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from pipeline.instance_types import INSTANCE_TYPES, PRICES_DATE, PRICES_REGION

from dataset_contract.report_html import STYLE
from dataset_prep.pages import page_environment
from demo.gallery import Pictures
from demo.serving import ServedPlans
from demo.summary import Summary
from demo.vectors import VectorPlan
from drawing.boxes import colour_of
from runs.curves import TrainingCurves, draw_curves

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
    vectors: VectorPlan | None
    """None if no plan was held out."""
    served: ServedPlans | None
    """None without the serving stack."""
    request: str
    """With which the state machine was started, as JSON."""
    report: str | None
    """Where the evaluation's report is, from the page; None if there is none."""
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
        return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
            vars(self),
            style=STYLE,
            colours={name: f"rgb{colour_of(name, self.classes)}" for name in self.classes},
            usd_per_hour=usd_per_hour,
            training_usd=self.billable_seconds * usd_per_hour / 3600,
            prices_region=PRICES_REGION,
            prices_date=PRICES_DATE,
            curves=curves_svg(TrainingCurves(self.losses, self.metrics)),
            total_seconds=sum(phase.seconds for phase in self.summary.phases),
        )


def curves_svg(curves: TrainingCurves) -> str:
    """The loss and the F1 over the steps, as an SVG element."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "floorplan-dino"}):
        draw_curves(curves).savefig(buffer, format="svg", metadata={"Date": None})
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :]
