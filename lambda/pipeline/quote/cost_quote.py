"""The quote: what a request should take and cost, on which instance types it may start, or why on none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from typing import Any

from pipeline.quote.estimate import Estimate
from pipeline.quote.pricing_context import Market
from pipeline.quote.refusal import obstacle, remedy
from pipeline.quote.speed import spot_saving_of
from pipeline.request import Request


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
    sentence: str
    """The figures for people: hours, money, and where they are from."""
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
    choices = _choices(possible, request)
    first = choices[0] if choices else estimates[0]
    saving = spot_saving_of(first.instance_types[0], market.records) if request.spot else None
    usd_with_spot = None if saving is None else round(first.usd * (1 - saving), 2)
    price_source = "; ".join(dict.fromkeys(market.prices[name].source for name in request.instance_types))
    return Quote(
        accepted=bool(possible),
        error=None if possible else "QuoteRefused",
        cause=None if possible else " ".join([*left_out, remedy(request, market)]),
        sentence=_sentence(first, request, usd_with_spot, price_source),
        hours=round(first.hours, 3),
        usd=first.usd,
        usd_with_spot=usd_with_spot,
        images_per_second=round(first.speed.images_per_second, 3),
        speed_source=first.speed.source,
        price_source=price_source,
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
            for each in choices
        ),
    )


def _sentence(first: Estimate, request: Request, usd_with_spot: float | None, price_source: str) -> str:
    if not request.spot:
        spot = ""
    elif usd_with_spot is None:
        spot = "; with spot less, by how much no run has shown yet"
    else:
        spot = f"; with spot about {usd_with_spot:,.2f} USD, by what the last runs saved"
    return (
        f"About {first.hours:.1f} h and {first.usd:,.2f} USD on demand on {' or '.join(first.instance_types)} "
        f"({first.usd_per_hour:.5g} USD/h by {price_source}){spot}; at most {request.max_cost_usd:,.2f} USD. "
        f"{first.speed.images_per_second:.3g} images/s, {first.speed.source}."
    )


def _choices(possible: Sequence[Estimate], request: Request) -> list[Estimate]:
    """For spot each type by itself. On demand neighbours share a job as long as it may get any of them within the cap.

    Behind a shared job comes each of its types by itself: SageMaker may refuse the job for the quota of one of them.
    """
    if request.spot:
        return list(possible)
    shared: list[list[Estimate]] = []
    for each in possible:
        if shared and _joined([*shared[-1], each]).fits(request.max_cost_usd):
            shared[-1].append(each)
        else:
            shared.append([each])
    return [choice for group in shared for choice in ([_joined(group), *group] if len(group) > 1 else group)]


def _joined(group: Sequence[Estimate]) -> Estimate:
    return reduce(Estimate.joined_with, group)
