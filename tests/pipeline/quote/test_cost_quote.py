"""The quote: numbers before money is spent, a cap that holds whatever the estimate, and refusals with a suggestion."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from pipeline.instance_types import INSTANCE_TYPES
from pipeline.quote import candidates
from pipeline.quote.cost_quote import make_quote
from pipeline.quote.gpu_speeds import GPU_SPEEDS, PROJECTED
from pipeline.quote.quotas import Quotas, quota_name
from pipeline.quote.records import StageRecord
from pipeline.quote.speed import Speed
from pipeline.quote.speed import speed_of as real_speed_of
from pipeline.request import PRESETS

from tests.pipeline.quote.quoting import DEFAULTS, G5, G6, G6E, USERS_IMAGES, pricing_context, quoted, request
from tests.pipeline.quote.test_records import RECORD
from training_code.config import TrainingConfig

A10G = GPU_SPEEDS["room_wall"]["A10G"].images_per_second


def test_the_users_five_epochs_are_quoted_before_they_are_paid() -> None:
    answer = quoted()
    assert answer.accepted
    assert answer.hours == pytest.approx(5 * USERS_IMAGES / A10G / 3600 + 1 / 6, abs=0.002), "and ten minutes around"
    assert answer.usd == pytest.approx(1.515 * answer.hours, abs=0.01)
    assert (answer.usd_with_spot, answer.price_source, answer.images_per_second) == (None, "the list", A10G)
    assert PROJECTED in answer.speed_source
    (choice,) = answer.choices
    assert (choice.instance_types, choice.spot, choice.usd_per_hour) == ((G5,), True, 1.515)


def test_every_preset_fits_into_its_own_cap_even_if_it_takes_three_times_as_long() -> None:
    for name, preset in PRESETS.items():
        answer = quoted(pricing_context(images=22 if name == "tiny" else USERS_IMAGES), preset=name)
        assert answer.accepted
        assert answer.usd * 3 < preset.max_cost_usd
        assert sum(answer.choices[0].max_runtime_seconds) > answer.hours * 3600 * 3


def test_what_was_measured_counts_and_tells_what_spot_saves() -> None:
    slow = replace(RECORD, trainer_seconds=RECORD.trainer_seconds * 2)
    answer = quoted(pricing_context(records=(slow,)))
    assert answer.images_per_second == pytest.approx(1.468, abs=0.001)
    assert answer.speed_source == "measured in the last run on ml.g5.2xlarge"
    assert answer.usd_with_spot == pytest.approx(answer.usd * 0.3, abs=0.01)
    assert quoted(pricing_context(records=(slow,)), spot=False).usd_with_spot is None


def test_the_quote_says_its_figures_and_where_they_are_from() -> None:
    said = quoted().sentence
    assert said == (
        "Training on 2 classes (wall, room) takes about 0.8 h and 1.29 USD on demand on ml.g5.2xlarge (1.515 USD/h by "
        "the list); spot costs less, but no earlier run shows how much; at most 10.00 USD. 6 images/s, projected in "
        "2026-11 from counted work, not measured: 6 images/s on one A10G."
    )
    measured = quoted(pricing_context(records=(RECORD,)))
    assert (
        f"; about {measured.usd_with_spot:.2f} USD with spot, going by what it saved in the last runs"
        in measured.sentence
    )
    assert "measured in the last run on ml.g5.2xlarge." in measured.sentence
    assert "spot" not in quoted(spot=False).sentence


def test_the_quote_names_the_first_ten_classes_whatever_they_are_called() -> None:
    classes = ("stairs\x1b[2J", *(f"symbol {index}" for index in range(999)))
    said = quoted(replace(pricing_context(), classes=classes)).sentence
    assert said.startswith("Training on 1,000 classes (stairs\\x1b[2J, symbol 0, symbol 1, ")
    assert "symbol 8 and 990 more) takes about" in said


def test_test_then_full_is_one_sum_and_a_limit_for_each_run() -> None:
    both, test, full = quoted(preset="test_then_full"), quoted(preset="test"), quoted(preset="full")
    assert both.usd == pytest.approx(test.usd + full.usd, abs=0.02)
    limits = both.choices[0].max_runtime_seconds
    assert len(limits) == 2
    assert sum(limits) / 3600 * 1.515 <= 70


# Choices


def test_spot_has_a_choice_for_each_type_in_the_requests_order() -> None:
    answer = quoted(instance_types=[G6, G6E, G5])
    assert [choice.instance_types for choice in answer.choices] == [(G6,), (G6E,), (G5,)]
    assert all(choice.spot for choice in answer.choices)
    assert answer.usd == answer.choices[0].usd


def test_on_demand_all_types_share_a_job_at_the_dearest_price_and_the_slowest_speed() -> None:
    answer = quoted(instance_types=[G6, G6E, G5], spot=False)
    choice, *singly = answer.choices
    assert (choice.instance_types, choice.spot) == ((G6, G6E, G5), False)
    assert [each.instance_types for each in singly] == [(G6,), (G6E,), (G5,)], "if SageMaker refuses the shared job"
    assert choice.usd_per_hour == 2.8026
    assert choice.hours == quoted(instance_types=[G6]).hours
    assert answer.usd_per_hour == {G6: 1.1267, G6E: 2.8026, G5: 1.515}


def test_on_demand_a_dear_type_shares_no_job_with_a_slow_one_that_could_not_end_at_its_price() -> None:
    answer = quoted(instance_types=[G6, G6E, G5], spot=False, max_cost_usd=2.8)
    assert [choice.instance_types for choice in answer.choices] == [(G6,), (G6E, G5), (G6E,), (G5,)]
    assert answer.notes == ()


def test_types_over_the_cap_are_left_out_and_the_reason_is_told() -> None:
    answer = quoted(preset="full", instance_types=[G6E, G6, G5], max_cost_usd=11.5)
    assert [choice.instance_types for choice in answer.choices] == [(G6E,), (G5,)]
    (note,) = answer.notes
    assert note.startswith("ml.g6.xlarge would cost about 11.9")
    assert note.endswith("over max_cost_usd, which is 11.50 USD.")


def test_a_type_without_a_quota_is_left_out_and_the_next_is_taken() -> None:
    answer = quoted(pricing_context(quotas={quota_name(G5, spot=True): 0}), instance_types=[G5, G6])
    assert [choice.instance_types for choice in answer.choices] == [(G6,)]
    assert answer.notes == ('The quota "ml.g5.2xlarge for spot training job usage" is 0 in us-east-1.',)


@pytest.mark.parametrize(
    ("preset", "quota", "waits"), [("test_then_full", 1, True), ("test_then_full", 2, False), ("test", 1, False)]
)
def test_a_wait_between_stages_is_foretold(preset: str, quota: int, *, waits: bool) -> None:
    answer = quoted(pricing_context(quotas={quota_name(G5, spot=True): quota}), preset=preset)
    note = (
        'The quota "ml.g5.2xlarge for spot training job usage" is 1: between two stages the run may wait some minutes '
        "until SageMaker releases it."
    )
    assert answer.notes == ((note,) if waits else ())


def test_unknown_quotas_are_said_to_be_unknown() -> None:
    answer = make_quote(
        request(), replace(pricing_context(), quotas=Quotas(values={}, note="The quotas are not known."))
    )
    assert answer.accepted
    assert answer.notes == ("The quotas are not known.",)


# Refusals


def test_over_the_cap_is_refused_with_the_numbers_and_what_would_fit() -> None:
    answer = quoted(preset="full", max_cost_usd=5)
    assert (answer.accepted, answer.error, answer.choices) == (False, "QuoteRefused", ())
    assert answer.cause is not None
    assert "ml.g5.2xlarge would cost about 10.55 USD (7.0 h at 1.515 USD/h, projected in" in answer.cause
    assert "over max_cost_usd, which is 5.00 USD" in answer.cause
    assert '"epochs": 23' in answer.cause
    assert '"max_cost_usd": 11' in answer.cause


def test_a_quota_of_zero_is_refused_with_its_name_and_where_to_ask() -> None:
    quotas = {quota_name(G5, spot=True): 0, quota_name(G5, spot=False): 1}
    answer = quoted(pricing_context(quotas=quotas))
    assert answer.cause is not None
    assert answer.cause.startswith('The quota "ml.g5.2xlarge for spot training job usage" is 0 in us-east-1.')
    assert '"spot": false' in answer.cause
    assert "https://us-east-1.console.aws.amazon.com/servicequotas/home/services/sagemaker/quotas" in answer.cause
    assert "max_cost_usd" not in answer.cause, "money buys no quota"


def test_without_any_quota_only_a_quota_helps() -> None:
    quotas = {quota_name(name, spot=spot): 0 for name in INSTANCE_TYPES for spot in (True, False)}
    cause = quoted(pricing_context(quotas=quotas)).cause
    assert cause is not None
    assert "Start again" not in cause
    assert 'Ask for a quota "ml.g5.2xlarge for spot training job usage" of 1 at https' in cause


def test_longer_than_sagemaker_allows_is_refused_whatever_the_cap() -> None:
    answer = quoted(preset="full", epochs=1000, max_cost_usd=DEFAULTS.highest_cost_usd)
    assert answer.cause is not None
    assert "more than the 120 h that SageMaker allows" in answer.cause
    assert '"max_cost_usd"' not in answer.cause


def test_a_higher_cap_than_the_deployment_allows_is_not_recommended() -> None:
    context = replace(pricing_context(), highest_cost_usd=10)
    cause = quoted(context, preset="full", max_cost_usd=5).cause
    assert cause is not None
    assert "over max_cost_usd, which is 5.00 USD" in cause
    assert '"max_cost_usd"' not in cause


def test_a_type_that_the_region_does_not_offer_is_not_recommended() -> None:
    here = pricing_context()
    only_g5 = {name: replace(price, listed=name == G5) for name, price in here.prices.items()}
    cause = quoted(replace(here, prices=only_g5), preset="full", instance_types=[G5], max_cost_usd=5).cause
    assert cause is not None
    assert "instance_types" not in cause


def test_the_quote_goes_by_the_requests_settings() -> None:
    context = replace(pricing_context(), records=[RECORD])
    measured = quoted(context, instance_types=[G5])
    assert measured.speed_source.startswith("measured")
    assert quoted(context, instance_types=[G5], training={"learning_rate": 5e-5}) == measured
    larger = quoted(context, instance_types=[G5], training={"image_short_sides": [1200], "image_max_side": 2000})
    assert PROJECTED in larger.speed_source
    assert larger.images_per_second < A10G / 2


def test_a_refused_request_estimates_each_type_once(monkeypatch: pytest.MonkeyPatch) -> None:
    estimated_types: list[str] = []

    def speed_of(
        recipe: str, training: TrainingConfig, name: str, records: Iterable[StageRecord], **counts: int
    ) -> Speed:
        estimated_types.append(name)
        return real_speed_of(recipe, training, name, records, **counts)

    monkeypatch.setattr(candidates, "speed_of", speed_of)
    assert not quoted(preset="full", epochs=1000, instance_types=[G5, G6, G6E], max_cost_usd=10).accepted
    assert estimated_types == list(INSTANCE_TYPES)


def test_where_no_single_change_helps_the_refusal_says_so() -> None:
    cause = quoted(preset="full", epochs=1000, max_cost_usd=0.05).cause
    assert cause is not None
    assert "No single change would be accepted: start again with a smaller data set, or with fewer epochs" in cause


# Several GPUs, several instances

G5_4 = "ml.g5.12xlarge"


def test_several_instances_cost_as_many_times_as_much_an_hour() -> None:
    one, two = quoted(instance_types=[G5]), quoted(instance_types=[G5], instance_count=2)
    assert two.choices[0].usd_per_hour == 3.03
    assert two.usd == pytest.approx(two.hours * 3.03, abs=0.01)
    assert two.images_per_second == pytest.approx(one.images_per_second * 1.2)
    assert two.usd_per_hour == {G5: 1.515}, "of one"
    assert "on demand on 2 x ml.g5.2xlarge (3.03 USD/h by the list)" in two.sentence
    assert two.choices[0].max_runtime_seconds[0] * 3.03 / 3600 <= 10


def test_the_quote_says_how_many_images_an_update_takes() -> None:
    several: dict[str, Any] = {"instance_types": [G5_4], "instance_count": 2, "max_cost_usd": 100}
    said = quoted(**several, training={"accumulation_steps": 3, "batch_size": 2}).sentence
    assert said.endswith("Each update takes 48 images, those of 8 GPUs; the learning rates do not follow it.")
    said = quoted(**several, training={"accumulation_steps": 3}).sentence
    assert " at least 48 images, those of 8 GPUs, and more where memory allows: the job's log tells" in said
    assert "Each update" not in quoted().sentence


def test_the_quota_must_be_as_many_instances() -> None:
    quotas = {quota_name(G5, spot=True): 1, quota_name(G5, spot=False): 2}
    answer = quoted(pricing_context(quotas=quotas), instance_types=[G5], instance_count=2)
    assert answer.cause is not None
    assert answer.cause.startswith(
        'The quota "ml.g5.2xlarge for spot training job usage" is 1 in us-east-1, and instance_count is 2. Start again'
    )
    assert '"spot": false, or "instance_count": 1' in answer.cause
    assert 'Ask for a quota "ml.g5.2xlarge for spot training job usage" of 2 at https' in answer.cause
    assert quoted(pricing_context(quotas=quotas), instance_types=[G5], instance_count=2, spot=False).accepted


def test_the_wait_between_stages_is_told_unless_the_quota_is_enough_for_two_jobs() -> None:
    for quota, waits in ((2.0, True), (3.0, True), (4.0, False)):
        known = pricing_context(quotas={quota_name(G5, spot=True): quota})
        answer = quoted(known, preset="test_then_full", instance_count=2)
        assert any("between two stages" in note for note in answer.notes) is waits
