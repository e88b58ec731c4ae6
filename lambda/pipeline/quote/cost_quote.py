"""The quote: what a request should take and cost, on which instance types it may start, or why on none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.instance_types import instances_name
from pipeline.name_list import name_list
from pipeline.quote.baselines import Baselines
from pipeline.quote.candidates import estimate_candidates
from pipeline.quote.earlier_model import EarlierModel
from pipeline.quote.estimate import Estimate, joined
from pipeline.quote.pricing_context import PricingContext
from pipeline.quote.quotas import quota_name
from pipeline.quote.rejection import rejection_reason, suggestion
from pipeline.quote.speed import spot_saving_of
from pipeline.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One way to start the jobs; Launch tries the choices in their order."""

    instance_types: tuple[str, ...]
    """One; on demand also several, of which SageMaker takes the first with capacity (InstancePreferences)."""
    instance_count: int
    spot: bool
    usd_per_hour: float
    """The most expensive type's, of all instances together."""
    hours: float
    usd: float
    max_runtime_seconds: tuple[int, ...]
    """Of each stage; they hold the cap even if the estimate is wrong."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{instances_name(self.instance_types, self.instance_count)} ({'spot' if self.spot else 'on demand'})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """`$.quote`. The figures are the first choice's, or the first type's if the request is refused."""

    accepted: bool
    error: str | None
    cause: str | None
    """Why it is refused, with the numbers, and what would be accepted."""
    sentence: str
    """For people: the classes, hours, money, and where the figures come from."""
    hours: float
    usd: float
    """On demand."""
    usd_with_spot: float | None
    """None if the request is not for spot, or no earlier run shows what spot saves."""
    images_per_second: float
    speed_source: str
    price_source: str
    usd_per_hour: Mapping[str, float]
    """Of one instance of each type asked for: with InstancePreferences, only the job shows which one it got."""
    notes: tuple[str, ...]
    """Why types were left out, and what is not known."""
    choices: tuple[Choice, ...]
    earlier_model: EarlierModel | None = None
    """What the jobs go on training, if the request continues a run."""
    baselines: Baselines | None = None
    """What the model is compared with, if there is any."""


def make_quote(request: Request, context: PricingContext) -> Quote:
    """The choices that have a quota and fit into the cap, in the request's order, or why there is none."""
    candidates = estimate_candidates(request, context)
    asked = [candidates[name] for name in request.instance_types]
    reasons = [why for each in asked if (why := rejection_reason(each, request, context)) is not None]
    choices = _choices([each.estimate for each in asked if each.is_possible], request)
    first = choices[0] if choices else asked[0].estimate
    saving = spot_saving_of(first.instance_types[0], context.records) if request.spot else None
    usd_with_spot = None if saving is None else round(first.usd * (1 - saving), 2)
    price_source = "; ".join(dict.fromkeys(context.prices[name].source for name in request.instance_types))
    return Quote(
        accepted=bool(choices),
        error=None if choices else "QuoteRefused",
        cause=None if choices else " ".join([*reasons, suggestion(request, candidates, context)]),
        sentence=_sentence(first, request, context.classes, usd_with_spot, price_source),
        hours=round(first.hours, 3),
        usd=first.usd,
        usd_with_spot=usd_with_spot,
        images_per_second=round(first.speed.images_per_second, 3),
        speed_source=first.speed.source,
        price_source=price_source,
        usd_per_hour={name: context.prices[name].usd_per_hour for name in request.instance_types},
        notes=tuple(
            note for note in (*reasons, context.quotas.note, _wait_between_stages(choices, request, context)) if note
        ),
        choices=tuple(
            Choice(
                instance_types=each.instance_types,
                instance_count=request.instance_count,
                spot=request.spot,
                usd_per_hour=each.usd_per_hour,
                hours=round(each.hours, 3),
                usd=each.usd,
                max_runtime_seconds=each.max_runtime_seconds,
            )
            for each in choices
        ),
    )


def _choices(possible: Sequence[Estimate], request: Request) -> list[Estimate]:
    """For spot each type by itself. On demand, neighbours share a job as long as any of them fits into the cap.

    After a shared job comes each of its types by itself: SageMaker may refuse the job for the quota of one of them.
    """
    if request.spot:
        return list(possible)
    shared: list[list[Estimate]] = []
    for each in possible:
        if shared and joined([*shared[-1], each]).fits:
            shared[-1].append(each)
        else:
            shared.append([each])
    return [choice for group in shared for choice in ([joined(group), *group] if len(group) > 1 else group)]


def _wait_between_stages(choices: Sequence[Estimate], request: Request, context: PricingContext) -> str | None:
    """A note where the next stage has to wait until the one before no longer counts against the quota."""
    if len(request.stages) == 1 or not choices:
        return None
    name = quota_name(choices[0].instance_types[0], spot=request.spot)
    value = context.quotas.values.get(name)
    if value is None or value >= 2 * request.instance_count:
        return None
    wait = "between two stages the run may wait some minutes until SageMaker releases it"
    return f'The quota "{name}" is {value:g}: {wait}.'


def _sentence(
    first: Estimate, request: Request, classes: Sequence[str], usd_with_spot: float | None, price_source: str
) -> str:
    if not request.spot:
        spot = ""
    elif usd_with_spot is None:
        spot = "; spot costs less, but no earlier run shows how much"
    else:
        spot = f"; about {usd_with_spot:,.2f} USD with spot, going by what it saved in the last runs"
    count = f"{len(classes):,} class{'es' if len(classes) > 1 else ''}"
    instances = instances_name(first.instance_types, request.instance_count)
    return (
        f"Training on {count} ({name_list(classes, most=10)}) takes "
        f"about {first.hours:.1f} h and {first.usd:,.2f} USD on demand on {instances} "
        f"({first.usd_per_hour:.5g} USD/h by {price_source}){spot}; at most "
        f"{request.max_cost_usd:,.2f} USD. {first.speed.images_per_second:.3g} images/s, "
        f"{first.speed.source}.{_images_of_an_update(request)}"
    )


def _images_of_an_update(request: Request) -> str:
    """A sentence for several GPUs."""
    if request.gpus == 1:
        return ""
    images = f"{request.images_per_update:,} images, those of {request.gpus} GPUs"
    if request.stages[0].training.batch_size is None:
        return f" Each update takes at least {images}, and more where memory allows: the job's log tells how many."
    return f" Each update takes {images}; the learning rates do not follow it."
