"""Whatever is asked for and known: a quote keeps its cap, and what a refusal names would be accepted."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pipeline.billing import STOPPING_SECONDS
from pipeline.instance_types import INSTANCE_TYPES
from pipeline.quote.cost_quote import make_quote
from pipeline.quote.estimate import MAX_RUNTIME_SECONDS
from pipeline.quote.pricing_context import PricingContext
from pipeline.quote.quotas import quota_name
from pipeline.request import PRESETS
from pipeline.state import to_state

from tests.pipeline.instance_type_lists import TYPE_LISTS
from tests.pipeline.quote.quoting import DEFAULTS, estimated, pricing_context, quoted, request
from tests.pipeline.quote.test_records import RECORD


def suggestions(cause: str) -> Iterator[dict[str, Any]]:
    """The changes that a refusal names, as a person would put them into the request."""
    for change in re.findall(
        r'"(?:epochs|max_cost_usd|spot|instance_types|instance_count)": (?:\[.*?\]|[a-z0-9]+)', cause
    ):
        yield json.loads(f"{{{change}}}")


FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "instance_types": TYPE_LISTS,
    "instance_count": st.integers(1, 4),
    "spot": st.booleans(),
    "max_cost_usd": st.floats(0.01, DEFAULTS.highest_cost_usd) | st.floats(0.5, 60),
}
requests = st.fixed_dictionaries({"preset": st.sampled_from(sorted(PRESETS))}, optional=FIELDS) | st.fixed_dictionaries(
    {"preset": st.sampled_from(["test", "full"]), "epochs": st.integers(1, 1000)}, optional=FIELDS
)
all_quotas = st.dictionaries(
    st.builds(quota_name, st.sampled_from(sorted(INSTANCE_TYPES)), spot=st.booleans()),
    st.sampled_from([0.0, 1, 2, 4]),
)
contexts = st.builds(
    pricing_context,
    images=st.integers(1, 120_000),
    quotas=all_quotas,
    records=st.lists(
        st.builds(
            replace,
            st.just(RECORD),
            instance_type=st.sampled_from(sorted(INSTANCE_TYPES)),
            instance_count=st.integers(1, 4),
            trainer_seconds=st.floats(1, 1e6),
            billable_seconds=st.integers(0, 5400),
        ),
        max_size=3,
    ).map(tuple),
)


@given(requests, contexts)
def test_jobs_that_are_stopped_by_their_limits_never_cost_more_than_the_cap(
    fields: dict[str, Any], known: PricingContext
) -> None:
    asked = request(**fields)
    answer = make_quote(asked, known)
    assert answer.accepted == bool(answer.choices)
    for choice in answer.choices:
        assert len(choice.max_runtime_seconds) == len(asked.stages)
        assert all(1 <= seconds <= MAX_RUNTIME_SECONDS for seconds in choice.max_runtime_seconds)
        billed = sum(choice.max_runtime_seconds) + len(asked.stages) * STOPPING_SECONDS
        dearest = max(Fraction(str(known.prices[name].usd_per_hour)) for name in choice.instance_types)
        assert billed * dearest * asked.instance_count / 3600 <= Fraction(str(asked.max_cost_usd))
        assert choice.usd <= asked.max_cost_usd + 0.01


@given(requests, contexts)
def test_a_run_that_takes_as_long_as_estimated_is_not_stopped(fields: dict[str, Any], known: PricingContext) -> None:
    asked = request(**fields)
    for choice in make_quote(asked, known).choices:
        for name in choice.instance_types:
            needed = estimated(asked, known, name).stage_seconds
            for limit, seconds in zip(choice.max_runtime_seconds, needed, strict=True):
                assert limit >= seconds - STOPPING_SECONDS


@given(requests, contexts)
def test_each_type_is_a_choice_or_its_reason_is_told(fields: dict[str, Any], known: PricingContext) -> None:
    asked = request(**fields)
    answer = make_quote(asked, known)
    chosen = list(dict.fromkeys(name for choice in answer.choices for name in choice.instance_types))
    assert chosen == [name for name in asked.instance_types if name in chosen], "in the request's order"
    reasons = [note for note in answer.notes if "between two stages" not in note]
    assert len(reasons) == len(asked.instance_types) - len(chosen)
    for name in set(asked.instance_types) - set(chosen):
        assert any(name in note for note in reasons)


@given(requests, contexts)
def test_every_change_that_a_refusal_names_would_be_accepted(fields: dict[str, Any], known: PricingContext) -> None:
    answer = quoted(known, **fields)
    assert answer.accepted == (answer.cause is None)
    for change in suggestions(answer.cause or ""):
        assert quoted(known, **fields | change).accepted, change
        if "epochs" in change:
            assert not quoted(known, **fields | {"epochs": change["epochs"] + 1}).accepted, "it names the most"


@given(requests, contexts, st.floats(1, 10))
def test_a_higher_cap_refuses_nothing_that_a_lower_one_accepts(
    fields: dict[str, Any], known: PricingContext, factor: float
) -> None:
    asked = request(**fields)
    more = replace(asked, max_cost_usd=asked.max_cost_usd * factor)
    assert make_quote(more, known).accepted >= make_quote(asked, known).accepted


@given(st.integers(1, 999), st.integers(1, 100_000), st.sampled_from(sorted(INSTANCE_TYPES)))
def test_more_epochs_or_images_cost_no_less(epochs: int, images: int, instance_type: str) -> None:
    few = estimated(request(epochs=epochs), pricing_context(images=images), instance_type)
    assert estimated(request(epochs=epochs + 1), pricing_context(images=images), instance_type).usd >= few.usd
    assert estimated(request(epochs=epochs), pricing_context(images=images + 1), instance_type).usd >= few.usd


@given(requests, contexts)
def test_a_quote_is_plain_json_and_small(fields: dict[str, Any], known: PricingContext) -> None:
    state = to_state(quoted(known, **fields))
    assert json.loads(json.dumps(state, allow_nan=False)) == state
    assert len(json.dumps(state)) < 10_000
