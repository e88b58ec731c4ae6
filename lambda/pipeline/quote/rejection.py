"""Why an instance type cannot be taken, and which changes of the request would be accepted."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipeline.instance_types import instances_name
from pipeline.quote.candidates import Candidate, estimate_candidates
from pipeline.quote.estimate import MAX_RUNTIME_SECONDS, Estimate
from pipeline.quote.pricing_context import PricingContext
from pipeline.quote.quotas import quota_name, quotas_link
from pipeline.request import Request


def rejection_reason(candidate: Candidate, request: Request, context: PricingContext) -> str | None:
    """Why the type cannot be taken, as a sentence; None if it can."""
    name, estimate = candidate.name, candidate.estimate
    if not candidate.has_quota:
        quota = quota_name(name, spot=request.spot)
        too_few = f", and instance_count is {request.instance_count}" if request.instance_count > 1 else ""
        return f'The quota "{quota}" is {context.quotas.values[quota]:g} in {context.region}{too_few}.'
    instances = instances_name([name], request.instance_count)
    figures = f"{estimate.hours:.1f} h at {estimate.usd_per_hour:.5g} USD/h, {estimate.speed.source}"
    if estimate.is_too_long:
        limit = MAX_RUNTIME_SECONDS // 3600
        return f"On {instances} a job would need more than the {limit} h that SageMaker allows ({figures})."
    if not estimate.fits:
        return (
            f"{instances} would cost about {estimate.usd:,.2f} USD ({figures}), "
            f"over max_cost_usd, which is {request.max_cost_usd:,.2f} USD."
        )
    return None


def suggestion(request: Request, candidates: Mapping[str, Candidate], context: PricingContext) -> str:
    """Which changes would be accepted, each by itself, and where to ask for a quota that is too low."""
    asked = [candidates[name] for name in request.instance_types]
    with_quota = [each.estimate for each in asked if each.has_quota]
    without_quota = [each for each in asked if not each.has_quota]
    changes = [
        _fewer_epochs(request, with_quota),
        _another_type([each for name, each in candidates.items() if name not in request.instance_types]),
        _other_purchase(request, without_quota),
        _fewer_instances(request, without_quota, context),
        _higher_cap(request, with_quota, context.highest_cost_usd),
    ]
    accepted = [change for change in changes if change is not None]
    sentences = [f"Start again with {', or '.join(accepted)}."] if accepted else []
    if without_quota:
        sentences.append(
            f'Ask for a quota "{quota_name(without_quota[0].name, spot=request.spot)}" of {request.instance_count} at '
            f"{quotas_link(context.region)}; spot and on-demand have separate ones."
        )
    return " ".join(sentences) or (
        "No single change would be accepted: start again with a smaller data set, "
        "or with fewer epochs or a shorter preset, and a higher max_cost_usd."
    )


def _fewer_epochs(request: Request, with_quota: Sequence[Estimate]) -> str | None:
    """The most that fit; a preset of several stages has its own."""
    most = max((each.most_epochs for each in with_quota), default=0)
    return f'"epochs": {most}' if request.epochs is not None and most >= 1 else None


def _another_type(others: Sequence[Candidate]) -> str | None:
    """The one that costs least."""
    possible = [each for each in others if each.is_offered and each.is_possible]
    if not possible:
        return None
    least = min(possible, key=lambda each: each.estimate.usd)
    return f'"instance_types": ["{least.name}"] (about {least.estimate.usd:,.2f} USD)'


def _other_purchase(request: Request, without_quota: Sequence[Candidate]) -> str | None:
    """On demand instead of spot, or the other way round."""
    helps = any(each.has_other_quota and each.estimate.fits for each in without_quota)
    return f'"spot": {str(not request.spot).lower()}' if helps else None


def _fewer_instances(request: Request, without_quota: Sequence[Candidate], context: PricingContext) -> str | None:
    """As many as the quota allows."""
    quotas = [context.quotas.values[quota_name(each.name, spot=request.spot)] for each in without_quota]
    count = math.floor(max(quotas, default=0))
    if count < 1:
        return None
    candidates = estimate_candidates(replace(request, instance_count=count), context)
    helps = any(candidates[each.name].is_possible for each in without_quota)
    return f'"instance_count": {count}' if helps else None


def _higher_cap(request: Request, with_quota: Sequence[Estimate], highest: int) -> str | None:
    """The least whole number of dollars, if the deployment allows it."""
    usd = min((math.ceil(each.usd) for each in with_quota if not each.is_too_long), default=math.inf)
    return f'"max_cost_usd": {usd}' if request.max_cost_usd < usd <= highest else None
