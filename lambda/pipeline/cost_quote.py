"""The quote: what a request should take and cost, on which instance types it may start, or why on none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.market import Market
from pipeline.quote_refusal import obstacle, remedy
from pipeline.request import Request
from pipeline.run_estimate import Estimate
from pipeline.speed import spot_saving_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One way to launch; Launch tries them in their order."""

    instance_types: tuple[str, ...]
    """One, or on demand all from which SageMaker takes the first that is free (InstancePreferences)."""
    spot: bool
    usd_per_hour: float
    """The dearest type's."""
    hours: float
    usd: float
    max_runtime_seconds: tuple[int, ...]
    """Of each run; they hold the cap even if the estimate is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What the state machine carries. The figures are the first choice's, or the first type's if it is refused."""

    accepted: bool
    error: str | None
    cause: str | None
    """Why it is refused, with the numbers, and what would be accepted."""
    hours: float
    usd: float
    """On demand."""
    usd_with_spot: float | None
    """None if the request is not for spot, or no earlier run tells what that saves."""
    images_per_second: float
    speed_source: str
    price_source: str
    usd_per_hour: Mapping[str, float]
    """Of each type asked for: with InstancePreferences, only the job tells which one it got."""
    notes: tuple[str, ...]
    """Why a type was left out, and what is not known."""
    choices: tuple[Choice, ...]

    def to_state(self) -> dict[str, Any]:
        """As the state machine carries it, and as JSON can hold it."""
        choices = [
            asdict(choice)
            | {"instance_types": list(choice.instance_types), "max_runtime_seconds": list(choice.max_runtime_seconds)}
            for choice in self.choices
        ]
        return asdict(self) | {"choices": choices, "notes": list(self.notes)}


def make_quote(request: Request, market: Market) -> Quote:
    """The choices that have a quota and fit into the cap, in the request's order, or the refusal."""
    estimates = [market.estimate(request, name) for name in request.instance_types]
    obstacles = [obstacle(each, request, market) for each in estimates]
    possible = [each for each, why in zip(estimates, obstacles, strict=True) if why is None]
    left_out = [why for why in obstacles if why is not None]
    if not request.spot and possible:
        joined, too_much = _joined(possible, request.max_cost_usd)
        possible, left_out = [joined], left_out + too_much
    first = possible[0] if possible else estimates[0]
    saving = spot_saving_of(first.instance_types[0], market.records) if request.spot else None
    return Quote(
        accepted=bool(possible),
        error=None if possible else "QuoteRefused",
        cause=None if possible else " ".join([*left_out, remedy(request, market)]),
        hours=round(first.hours, 3),
        usd=first.usd,
        usd_with_spot=None if saving is None else round(first.usd * (1 - saving), 2),
        images_per_second=round(first.speed.images_per_second, 3),
        speed_source=first.speed.source,
        price_source="; ".join(dict.fromkeys(market.prices[name].source for name in request.instance_types)),
        usd_per_hour={name: market.prices[name].usd_per_hour for name in request.instance_types},
        notes=(*left_out, *([market.quotas.note] if market.quotas.note else [])),
        choices=tuple(
            Choice(
                instance_types=each.instance_types,
                spot=request.spot,
                usd_per_hour=each.usd_per_hour,
                hours=round(each.hours, 3),
                usd=each.usd,
                max_runtime_seconds=tuple(each.max_runtime_seconds(request.max_cost_usd)),
            )
            for each in possible
        ),
    )


def _joined(possible: Sequence[Estimate], max_cost_usd: float) -> tuple[Estimate, list[str]]:
    """One estimate for the types that fit into the cap together, and why others do not."""
    joined, left_out = possible[0], []
    for each in possible[1:]:
        if joined.joined_with(each).fits(max_cost_usd):
            joined = joined.joined_with(each)
        else:
            left_out.append(
                f"{each.instance_types[0]} is left out: one job may get any of its types, and this one's price with "
                f"the slowest one's time is over max_cost_usd of {max_cost_usd:.2f} USD."
            )
    return joined, left_out
