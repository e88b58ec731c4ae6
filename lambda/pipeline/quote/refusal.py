"""Why an instance type cannot be taken, and which changes of the request would be accepted."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from pipeline.quote.estimate import MAX_RUNTIME_SECONDS, Estimate
from pipeline.quote.pricing_context import Market
from pipeline.quote.quotas import quota_name, quotas_link
from pipeline.request import MAX_COST_USD, Request


def obstacle(estimate: Estimate, request: Request, market: Market) -> str | None:
    """Why the estimate's one type cannot be taken, as a sentence; None if it can."""
    (name,) = estimate.instance_types
    if not market.quotas.allows(name, spot=request.spot):
        return f'The quota "{quota_name(name, spot=request.spot)}" is 0 in {market.region}.'
    figures = f"{estimate.hours:.1f} h at {estimate.usd_per_hour:.5g} USD/h, {estimate.speed.source}"
    if estimate.is_too_long:
        limit = MAX_RUNTIME_SECONDS // 3600
        return f"On {name} a run would need more than the {limit} h that SageMaker allows ({figures})."
    if not estimate.fits(request.max_cost_usd):
        return (
            f"{name} would cost about {estimate.usd:,.2f} USD ({figures}), "
            f"over max_cost_usd, which is {request.max_cost_usd:,.2f} USD."
        )
    return None


def remedy(request: Request, market: Market) -> str:
    """Which changes would be accepted, each by itself, and where to ask for a quota that is 0."""
    with_quota = [name for name in request.instance_types if market.quotas.allows(name, spot=request.spot)]
    without = [name for name in request.instance_types if name not in with_quota]
    changes = [
        change
        for change in (
            _fewer_epochs(request, market, with_quota),
            _another_type(request, market),
            _other_purchase(request, market, without),
            _higher_cap(request, market, with_quota),
        )
        if change is not None
    ]
    sentences = [f"Start again with {', or '.join(changes)}."] if changes else []
    if without:
        sentences.append(
            f'A quota "{quota_name(without[0], spot=request.spot)}" of 1 can be asked for at '
            f"{quotas_link(market.region)}; spot and on-demand have separate ones."
        )
    return " ".join(sentences) or "Start again with fewer epochs or a smaller data set."


def _fewer_epochs(request: Request, market: Market, instance_types: Iterable[str]) -> str | None:
    """As many as fit; a preset of several runs has its own."""
    if request.epochs is None:
        return None
    types = list(instance_types)
    for epochs in range(request.epochs - 1, 0, -1):
        if _fits_on_one(replace(request, epochs=epochs), market, types):
            return f'"epochs": {epochs}'
    return None


def _another_type(request: Request, market: Market) -> str | None:
    """The one that costs least."""
    others = [
        market.estimate(request, name)
        for name in market.prices
        if name not in request.instance_types and market.offers(name) and market.quotas.allows(name, spot=request.spot)
    ]
    fitting = [other for other in others if other.fits(request.max_cost_usd)]
    if not fitting:
        return None
    least = min(fitting, key=lambda other: other.usd)
    return f'"instance_types": ["{least.instance_types[0]}"] (about {least.usd:,.2f} USD)'


def _other_purchase(request: Request, market: Market, without_quota: Iterable[str]) -> str | None:
    """On demand instead of spot, or the other way round, if that quota is known to be there."""
    spot = not request.spot
    types = [name for name in without_quota if market.quotas.values.get(quota_name(name, spot=spot), 0) >= 1]
    return f'"spot": {str(spot).lower()}' if _fits_on_one(request, market, types) else None


def _higher_cap(request: Request, market: Market, instance_types: Iterable[str]) -> str | None:
    """The least whole number of dollars."""
    estimates = [market.estimate(request, name) for name in instance_types]
    usd = min((math.ceil(each.usd) for each in estimates if not each.is_too_long), default=math.inf)
    return f'"max_cost_usd": {usd}' if request.max_cost_usd < usd <= MAX_COST_USD else None


def _fits_on_one(request: Request, market: Market, instance_types: Iterable[str]) -> bool:
    return any(market.estimate(request, name).fits(request.max_cost_usd) for name in instance_types)
