"""Recurrence risk counts by the rules, recovers known rates, and says why in plain words."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.learning.reasons import Reason
from app.domain.learning.risk import (
    BudgetState,
    CauseRates,
    Exposure,
    PairHistory,
    Recurrence,
    RiskPolicy,
    count_exposure,
    learn_rates,
    meta_item_probability,
    pair_prior,
    posterior,
    probability_of_silence,
    recurrence,
    recurrence_probability,
    score_item,
    score_meta_item,
    window_for_silence,
)
from app.domain.learning.statistics import GammaPrior

AS_OF = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = RiskPolicy()
PRIOR = GammaPrior(1.0, 400.0)
CAUSE, OTHER_CAUSE, SERVICE = UUID(int=1), UUID(int=2), UUID(int=3)
NO_RATES = CauseRates(None, POLICY.default_prior.shape, {})

priors = st.builds(GammaPrior, st.floats(0.01, 20), st.floats(1, 5000))
counts = st.integers(0, 50)
days = st.floats(0, 1000)


def days_ago(*ages: float) -> tuple[datetime, ...]:
    return tuple(AS_OF - age * DAY for age in ages)


def made_pair(*ages: float, service: str = "checkout", worst: int | None = None) -> PairHistory:
    return PairHistory(CAUSE, SERVICE, service, days_ago(*ages), worst)


def scored(history: PairHistory, budget: BudgetState) -> tuple[str, ...]:
    found = recurrence(history, NO_RATES, AS_OF, POLICY)
    score = score_item(found, history, budget, originating_rank=3, as_of=AS_OF, policy=POLICY)
    return tuple(reason.text for reason in score.reasons)


def test_a_pair_never_seen_has_no_exposure() -> None:
    assert count_exposure((), AS_OF, POLICY) == Exposure(0, 0.0)
    assert count_exposure(days_ago(-3), AS_OF, POLICY) == Exposure(0, 0.0)


def test_the_first_incident_starts_the_exposure_and_is_not_counted() -> None:
    assert count_exposure(days_ago(100), AS_OF, POLICY) == Exposure(0, 100.0)
    assert count_exposure(days_ago(100, 60, 12), AS_OF, POLICY) == Exposure(2, 100.0)


def test_the_exposure_is_at_most_the_lookback() -> None:
    assert count_exposure(days_ago(900, 500, 300, 5), AS_OF, POLICY) == Exposure(2, 365.0)
    assert count_exposure(days_ago(365, 5), AS_OF, POLICY) == Exposure(1, 365.0)


def test_incidents_within_a_day_of_each_other_count_once() -> None:
    assert count_exposure(days_ago(100, 50, 49, 48, 10), AS_OF, POLICY) == Exposure(2, 100.0)
    assert count_exposure(days_ago(100, 99.5), AS_OF, POLICY) == Exposure(0, 100.0)
    assert count_exposure(days_ago(366, 364.9), AS_OF, POLICY) == Exposure(1, 365.0)


@given(st.lists(st.floats(-50, 800), max_size=20))
def test_the_exposure_does_not_depend_on_the_order(ages: list[float]) -> None:
    in_order = count_exposure(days_ago(*sorted(ages)), AS_OF, POLICY)
    assert count_exposure(days_ago(*ages), AS_OF, POLICY) == in_order


def test_the_probability_is_the_formula_of_the_specification() -> None:
    expected = 1 - (800 / 890) ** 3
    assert recurrence_probability(PRIOR, 2, 400, 90) == pytest.approx(expected)
    assert posterior(PRIOR, 2, 400) == GammaPrior(3.0, 800.0)


@given(priors, counts, days, st.floats(0, 365))
def test_a_probability_lies_between_nothing_and_certainty(prior: GammaPrior, n: int, t: float, horizon: float) -> None:
    p = recurrence_probability(prior, n, t, horizon)
    assert 0 <= p <= 1
    assert p + probability_of_silence(prior, n, t, horizon) == pytest.approx(1)


@given(priors, counts, days)
def test_more_recurrences_make_another_one_likelier(prior: GammaPrior, n: int, t: float) -> None:
    more = recurrence_probability(prior, n + 1, t, 90)
    assert more >= recurrence_probability(prior, n, t, 90)


@given(priors, counts, days)
def test_a_longer_silence_makes_a_recurrence_less_likely(prior: GammaPrior, n: int, t: float) -> None:
    longer = recurrence_probability(prior, n, t + 30, 90)
    assert longer <= recurrence_probability(prior, n, t, 90)


@given(priors, counts, days, st.floats(0.05, 0.95), st.integers(1, 400))
def test_the_window_for_silence_is_the_shortest_that_says_something(
    prior: GammaPrior, n: int, t: float, at_most: float, max_days: int
) -> None:
    window = window_for_silence(prior, n, t, at_most=at_most, max_days=max_days)
    if window is None:
        assert probability_of_silence(prior, n, t, max_days) > at_most
    else:
        assert 1 <= window <= max_days
        assert probability_of_silence(prior, n, t, window) <= at_most + 1e-9
        assert window == 1 or probability_of_silence(prior, n, t, window - 1) > at_most - 1e-9


def test_a_rare_cause_has_no_window_whose_silence_says_something() -> None:
    assert window_for_silence(PRIOR, 0, 365, at_most=0.5, max_days=183) is None
    assert window_for_silence(PRIOR, 5, 365, at_most=0.5, max_days=183) == 94


def spread_pairs(causes: int) -> list[tuple[UUID, Exposure]]:
    return [(UUID(int=i), Exposure((0, 0, 0, 1, 4)[i % 5], 365.0)) for i in range(causes)]


def test_a_small_catalogue_takes_the_policys_prior() -> None:
    rates = learn_rates(spread_pairs(POLICY.min_causes - 1), POLICY)
    assert rates.catalogue is None
    assert pair_prior(rates, CAUSE, Exposure(3, 100.0), POLICY) == POLICY.default_prior


def test_a_failed_fit_takes_the_policys_prior() -> None:
    for alike in (Exposure(0, 365.0), Exposure(1, 365.0)):
        rates = learn_rates([(UUID(int=i), alike) for i in range(80)], POLICY)
        assert pair_prior(rates, CAUSE, alike, POLICY) == POLICY.default_prior


def test_too_certain_a_shape_takes_the_policys_prior() -> None:
    pairs = spread_pairs(80)
    fitted = learn_rates(pairs, POLICY)
    strict = RiskPolicy(max_shape=fitted.shape / 2)
    assert pair_prior(learn_rates(pairs, strict), CAUSE, Exposure(), strict) == GammaPrior(1, 400)


def test_with_one_pair_per_cause_the_prior_is_the_catalogues() -> None:
    rates = learn_rates(spread_pairs(80), POLICY)
    assert rates.catalogue is not None
    prior = pair_prior(rates, UUID(int=4), Exposure(4, 365.0), POLICY)
    assert prior.shape == pytest.approx(rates.catalogue.shape, rel=1e-6)
    assert prior.days == pytest.approx(rates.catalogue.days, rel=1e-6)
    assert pair_prior(rates, UUID(int=999), Exposure(), POLICY) == prior


def test_the_priors_mean_follows_the_causes_other_services() -> None:
    pairs = [*spread_pairs(80), (CAUSE, Exposure(9, 365.0)), (CAUSE, Exposure(0, 10.0))]
    rates = learn_rates(pairs, POLICY)
    busy = pair_prior(rates, CAUSE, Exposure(0, 10.0), POLICY)
    usual = pair_prior(rates, OTHER_CAUSE, Exposure(), POLICY)
    assert busy.shape / busy.days > 2 * usual.shape / usual.days


def worlds(kind: str, seed: int) -> Iterator[tuple[UUID, float, tuple[datetime, ...]]]:
    """5,000 causes over 3 years: (root cause, true rate a day, incidents) of every pair seen."""
    dice = np.random.default_rng(seed)
    for cause in range(5000):
        services = 1 if kind == "one service" else 1 + dice.poisson(1)
        rate = dice.gamma(1.0, 1 / 400)
        for _ in range(services):
            if kind == "services differ":
                own = rate * dice.gamma(2.0, 0.5)
            elif kind == "services have nothing in common":
                own = dice.gamma(1.0, 1 / 400)
            else:
                own = rate
            ages = dice.uniform(0, 3 * 365, dice.poisson(own * 3 * 365))
            if len(ages):
                yield UUID(int=cause), own, days_ago(*ages.tolist())


@pytest.mark.parametrize(
    "kind",
    ["one service", "services alike", "services differ", "services have nothing in common"],
)
def test_known_rates_are_recovered_from_simulated_histories(kind: str) -> None:
    pairs = list(worlds(kind, seed=11))
    exposures = [count_exposure(incidents, AS_OF, POLICY) for _, _, incidents in pairs]
    rates = learn_rates(zip((cause for cause, _, _ in pairs), exposures, strict=True), POLICY)
    assert rates.catalogue is not None
    errors: dict[int, list[float]] = {n: [] for n in range(4)}
    for (cause, rate, _), own in zip(pairs, exposures, strict=True):
        p = recurrence_probability(pair_prior(rates, cause, own, POLICY), own.n, own.days, 90)
        errors.setdefault(own.n, []).append(p - (1 - np.exp(-rate * 90)))
    for n in range(4):
        assert abs(np.mean(errors[n])) < 0.03, f"n = {n}"


def test_the_score_is_probability_times_weight_times_budget() -> None:
    history = made_pair(100, 12, worst=1)
    found = recurrence(history, NO_RATES, AS_OF, POLICY)
    budget = BudgetState("checkout", levels=2, burnt=1.1)
    score = score_item(found, history, budget, originating_rank=4, as_of=AS_OF, policy=POLICY)
    assert (score.severity_weight, score.budget_factor) == (1.0, 1.5)
    assert score.score == pytest.approx(found.p * 1.5)
    assert (score.p, score.n, score.exposure_days) == (found.p, 1, 100.0)
    assert score.prior == POLICY.default_prior


def test_a_score_is_not_clamped_to_one() -> None:
    history = made_pair(*range(2, 360, 3), worst=1)
    found = recurrence(history, NO_RATES, AS_OF, POLICY)
    budget = BudgetState("checkout", levels=9)
    score = score_item(found, history, budget, originating_rank=1, as_of=AS_OF, policy=POLICY)
    assert score.score > 1


def test_a_silent_year_is_weighed_by_the_originating_incident() -> None:
    history = made_pair(500, worst=None)
    found = recurrence(history, NO_RATES, AS_OF, POLICY)
    score = score_item(found, history, BudgetState("checkout"), originating_rank=5, as_of=AS_OF, policy=POLICY)
    assert (score.severity_weight, score.budget_factor) == (0.05, 1.0)


def test_the_reasons_read_like_the_articles() -> None:
    assert scored(made_pair(200, 100, 60, 12), BudgetState("checkout", 1, 0.8)) == (
        "recurred 3 times in 12 months, last on checkout 12 days ago",
        "checkout has burnt 80 % of its budget",
    )


@pytest.mark.parametrize(
    ("history", "budget", "texts"),
    [
        (
            made_pair(200, 1.5),
            BudgetState("checkout", 1),
            (
                "recurred 1 time in 12 months, last on checkout 1 day ago",
                "checkout is burning its budget too fast",
            ),
        ),
        (
            made_pair(500, 400),
            BudgetState("checkout", 0, 0.1),
            ("has not recurred in 12 months, last on checkout 400 days ago",),
        ),
        (
            made_pair(0.2, -1),
            BudgetState("checkout"),
            ("has not recurred in 12 months, last on checkout today",),
        ),
        (made_pair(-1), BudgetState("checkout"), ("not seen on a service yet",)),
    ],
)
def test_every_case_has_its_plain_words(history: PairHistory, budget: BudgetState, texts: tuple[str, ...]) -> None:
    assert scored(history, budget) == texts


@given(st.lists(st.floats(0, 1), max_size=8))
def test_a_meta_item_is_at_least_as_likely_as_its_likeliest_pair(ps: list[float]) -> None:
    p = meta_item_probability(ps)
    assert 0 <= p <= 1
    assert p >= max(ps, default=0) - 1e-12


def test_a_meta_item_weighs_all_its_pairs_together() -> None:
    pairs = [
        (Recurrence(0.5, 2, 100.0, PRIOR), made_pair(100, 50, 12, worst=3)),
        (Recurrence(0.2, 1, 200.0, PRIOR), made_pair(200, 9, service="search", worst=2)),
    ]
    budgets = [BudgetState("checkout", 1, 0.8), BudgetState("search", 0)]
    score = score_meta_item(pairs, budgets, originating_rank=4, as_of=AS_OF, policy=POLICY)
    assert score.p == pytest.approx(0.6)
    assert score.score == pytest.approx(0.6 * 0.6 * 1.25)
    assert (score.n, score.exposure_days, score.prior) == (3, 300.0, None)
    assert score.reasons == (
        Reason("recurred", "recurred 3 times in 12 months, last on search 9 days ago"),
        Reason("budget_burnt", "checkout has burnt 80 % of its budget"),
    )


def test_a_meta_item_without_pairs_cannot_recur() -> None:
    score = score_meta_item([], [], originating_rank=2, as_of=AS_OF, policy=POLICY)
    assert (score.score, score.p, score.severity_weight, score.budget_factor) == (0, 0, 0.6, 1)
    assert [reason.code for reason in score.reasons] == ["not_seen"]


def test_a_worse_severity_raises_the_score() -> None:
    found = Recurrence(0.5, 2, 100.0, PRIOR)
    budget = BudgetState("checkout")
    scores = [
        score_item(
            found,
            made_pair(100, 12, worst=rank),
            budget,
            originating_rank=1,
            as_of=AS_OF,
            policy=POLICY,
        ).score
        for rank in (1, 2, 3, 4, 5)
    ]
    assert scores == pytest.approx([0.5, 0.3, 0.15, 0.05, 0.025])
