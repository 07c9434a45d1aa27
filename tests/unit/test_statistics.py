"""The exact statistics agree with SciPy, NumPy and lifelines, and say nothing without data."""

import random
from math import isclose

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from scipy import optimize, special, stats

from app.domain.learning.statistics import (
    GammaPrior,
    Survival,
    cluster_bootstrap_interval,
    fisher_exact,
    fit_gamma,
    fit_shape,
    kaplan_meier,
    median,
    quantile,
    wilson_interval,
)
from app.domain.learning.trend import Trend, TrendMethod, TrendVerdict, half_split, theil_sen, trend_of, trend_verdict

Z95 = 1.959963984540054
cells = st.integers(0, 40)
numbers = st.floats(-1e4, 1e4, allow_nan=False)
exposures = st.just(0.0) | st.floats(1e-3, 400)
follow_ups = st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=40)


@given(st.integers(0, 60), st.integers(0, 60))
def test_wilson_agrees_with_scipy(successes: int, failures: int) -> None:
    n = successes + failures
    found = wilson_interval(successes, n, Z95)
    if n == 0:
        assert found is None
    else:
        expected = stats.binomtest(successes, n).proportion_ci(0.95, "wilson")
        assert found is not None
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(cells, cells, cells, cells)
def test_fisher_agrees_with_scipy(a: int, b: int, c: int, d: int) -> None:
    assert fisher_exact(a, b, c, d) == pytest.approx(stats.fisher_exact([[a, b], [c, d]]).pvalue, abs=1e-10)


@given(st.lists(numbers, min_size=1, max_size=50), st.floats(0, 1))
def test_a_quantile_agrees_with_numpy(values: list[float], q: float) -> None:
    assert quantile(values, q) == pytest.approx(float(np.quantile(values, q)), abs=1e-6)


def test_there_is_no_quantile_without_values() -> None:
    assert quantile([], 0.9) is None
    assert median([]) is None
    assert median([3.0, 1.0, 2.0, 10.0]) == 2.5


@given(follow_ups, st.integers(1, 30))
def test_kaplan_meier_agrees_with_lifelines(rows: list[tuple[int, bool]], at: int) -> None:
    durations, observed = [float(t) for t, _ in rows], [seen for _, seen in rows]
    found = kaplan_meier(durations, observed, at)
    expected = float(KaplanMeierFitter().fit(durations, observed).predict(at))
    at_risk = sum(t >= at for t in durations)
    if at_risk == 0 and expected > 0:
        assert found is None
    else:
        assert found is not None
        assert found.probability == pytest.approx(expected, abs=1e-12)
        assert found.at_risk == at_risk


@given(follow_ups, st.integers(1, 30), st.randoms())
def test_kaplan_meier_does_not_depend_on_the_order(rows: list[tuple[int, bool]], at: int, dice: random.Random) -> None:
    def estimate(some: list[tuple[int, bool]]) -> Survival | None:
        return kaplan_meier([t for t, _ in some], [seen for _, seen in some], at)

    assert estimate(rows) == estimate(dice.sample(rows, len(rows)))


def test_kaplan_meier_is_unknown_beyond_all_follow_up() -> None:
    assert kaplan_meier([], [], 183) is None
    assert kaplan_meier([10.0, 50.0], [True, False], 183) is None
    assert kaplan_meier([10.0, 20.0], [True, True], 183) == Survival(0.0, 0)
    assert kaplan_meier([183.0, 183.0], [True, False], 183) == Survival(0.5, 2)


points_lists = st.lists(
    st.tuples(st.integers(0, 20).map(float), st.integers(-30, 30).map(float)),
    min_size=5,
    max_size=40,
)


@given(points_lists)
def test_a_trend_agrees_with_scipy(points: list[tuple[float, float]]) -> None:
    found = theil_sen(points, 0.95)
    xs, ys = zip(*sorted(points), strict=True)
    if len(set(xs)) == 1:
        assert found is None
        return
    expected = stats.theilslopes(ys, xs, 0.95, method="separate")
    assert found is not None
    assert found.slope == pytest.approx(expected.slope, abs=1e-12)
    assert found.intercept == pytest.approx(expected.intercept, abs=1e-9)
    if found.low is not None:
        assert (found.low, found.high) == pytest.approx((expected.low_slope, expected.high_slope), abs=1e-12)


def made_points(n: int, seed: int, *, tied: bool = False) -> list[tuple[float, float]]:
    dice = random.Random(seed)
    if tied:
        return [(float(dice.randrange(365)), float(dice.randrange(4))) for _ in range(n)]
    return [(x, dice.lognormvariate(6, 1.5) - x) for x in (dice.uniform(0, 365) for _ in range(n))]


@pytest.mark.parametrize("tied", [False, True])
def test_a_trend_of_many_points_agrees_with_scipy(tied: bool) -> None:
    points = made_points(900, 7, tied=tied)
    xs, ys = zip(*points, strict=True)
    expected = stats.theilslopes(ys, xs, 0.95, method="separate")
    found = theil_sen(points, 0.95)
    assert found is not None
    assert (found.slope, found.low, found.high) == pytest.approx(
        (expected.slope, expected.low_slope, expected.high_slope), rel=1e-9, abs=1e-12
    )


def test_a_flat_line_of_many_points_has_a_slope_of_exactly_zero() -> None:
    found = theil_sen([(x, 7.0) for x, _ in made_points(600, 3)], 0.95)
    assert found == Trend(0.0, 0.0, 0.0, 7.0, 600)


def test_a_straight_line_of_many_points_is_found() -> None:
    found = theil_sen([(x, 3 * x + 1) for x, _ in made_points(1200, 4)], 0.95)
    assert found is not None
    assert found.slope == pytest.approx(3, abs=1e-9)


def test_too_few_points_carry_no_interval() -> None:
    found = theil_sen([(0.0, 1.0), (1.0, 2.0), (2.0, 4.0)], 0.95)
    assert found is not None
    assert (found.slope, found.low, found.high) == (1.5, None, None)


def test_points_tied_in_both_directions_carry_no_interval() -> None:
    found = theil_sen([*[(0.0, 0.0)] * 4, (1.0, 1.0)], 0.95)
    assert found is not None
    assert (found.slope, found.low, found.high) == (1.0, None, None)


def test_a_single_instant_has_no_trend() -> None:
    assert theil_sen([], 0.95) is None
    assert theil_sen([(1.0, 1.0), (1.0, 2.0)], 0.95) is None


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-2.0, -1.0, TrendVerdict.IMPROVING),
        (1.0, 2.0, TrendVerdict.WORSENING),
        (-1.0, 1.0, TrendVerdict.NO_EVIDENCE),
        (-1.0, 0.0, TrendVerdict.NO_EVIDENCE),
        (None, None, TrendVerdict.NO_EVIDENCE),
    ],
)
def test_only_an_interval_on_one_side_of_zero_is_evidence(
    low: float | None, high: float | None, verdict: TrendVerdict
) -> None:
    trend = Trend(0.0, low, high, 0.0, 20)
    assert trend_verdict(trend, n=20, span_days=90, min_n=20, min_days=90) == verdict


@pytest.mark.parametrize(
    ("trend", "n", "span"),
    [(None, 20, 90.0), (Trend(-1, -2, -1, 0, 19), 19, 90.0), (Trend(-1, -2, -1, 0, 20), 20, 89.9)],
)
def test_few_incidents_or_a_short_span_give_no_verdict(trend: Trend | None, n: int, span: float) -> None:
    found = trend_verdict(trend, n=n, span_days=span, min_n=20, min_days=90)
    assert found == TrendVerdict.INSUFFICIENT_DATA


def mean(rows: object) -> float:
    return float(np.mean(list(rows)))  # type: ignore[call-overload]


def test_the_bootstrap_is_deterministic_and_covers_the_mean() -> None:
    dice = random.Random(1)
    clusters = [[dice.gauss(5, 1) for _ in range(3)] for _ in range(40)]
    first = cluster_bootstrap_interval(clusters, mean, draws=200, level=0.95, seed=3)
    again = cluster_bootstrap_interval(clusters, mean, draws=200, level=0.95, seed=3)
    assert first is not None
    assert first == again
    assert first.low < 5 < first.high
    expected = stats.sem([mean(c) for c in clusters]) * 2 * Z95
    assert first.high - first.low == pytest.approx(expected, rel=0.3)


def test_clusters_are_kept_together_by_the_bootstrap() -> None:
    rows = [float(i % 2) for i in range(100)]
    together = [[r] * 20 for r in rows[:10]]
    alone = [[r] for r in rows]
    wide = cluster_bootstrap_interval(together, mean, draws=200, level=0.95, seed=1)
    narrow = cluster_bootstrap_interval(alone, mean, draws=200, level=0.95, seed=1)
    assert wide is not None
    assert narrow is not None
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_one_cluster_or_no_value_gives_no_bootstrap_interval() -> None:
    assert cluster_bootstrap_interval([[1.0, 2.0]], mean, draws=9, level=0.9, seed=1) is None
    two = [[1.0], [2.0]]
    assert cluster_bootstrap_interval(two, lambda _: None, draws=9, level=0.9, seed=1) is None


def simulated_counts(n: int, seed: int) -> list[tuple[int, float]]:
    dice = np.random.default_rng(seed)
    days = dice.uniform(1, 365, n)
    return list(zip(dice.poisson(dice.gamma(1.5, 1 / 300, n) * days).tolist(), days.tolist(), strict=True))


def test_the_gamma_fit_finds_scipys_maximum() -> None:
    rows = simulated_counts(2000, 5)
    n, t = (np.array(column) for column in zip(*rows, strict=True))

    def loss(logs: list[float]) -> float:
        a, b = np.exp(logs)
        terms = special.gammaln(a + n) - special.gammaln(a) + a * np.log(b)
        return -float(np.sum(terms - (a + n) * np.log(b + t)))

    best = optimize.minimize(loss, [0.0, 5.0], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-8})
    found = fit_gamma(rows)
    assert found is not None
    assert (found.shape, found.days) == pytest.approx(np.exp(best.x), rel=1e-4)


def test_the_shape_fit_agrees_with_the_gamma_fit_about_a_common_mean() -> None:
    rows = simulated_counts(500, 6)
    prior = fit_gamma(rows)
    assert prior is not None
    shape = fit_shape((n, t * prior.shape / prior.days) for n, t in rows)
    assert shape == pytest.approx(prior.shape, rel=1e-6)


def test_counts_without_events_or_without_spread_have_no_fit() -> None:
    assert fit_gamma([]) is None
    assert fit_gamma([(0, 100.0), (0, 50.0), (0, 0.0)]) is None
    assert fit_gamma([(1, 100.0)] * 60) is None
    assert fit_shape([(0, 1.0), (0, 0.0)]) is None
    assert fit_shape([(1, 1.0)] * 60) is None


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 12), exposures), max_size=30), st.randoms())
def test_the_gamma_fit_never_fails_and_does_not_depend_on_the_order(
    rows: list[tuple[int, float]], dice: random.Random
) -> None:
    found, again = fit_gamma(rows), fit_gamma(dice.sample(rows, len(rows)))
    if found is None or again is None:
        assert found == again
    else:
        assert found.shape > 0
        assert found.days > 0
        assert isclose(found.shape, again.shape, rel_tol=1e-6)


def test_a_fitted_prior_has_the_mean_of_equal_exposures() -> None:
    rows = [(n, 100.0) for n in (0, 0, 0, 1, 5, 9)]
    found = fit_gamma(rows)
    assert isinstance(found, GammaPrior)
    assert found.shape / found.days == pytest.approx(15 / 600, rel=1e-6)


def test_half_split_pairs_find_a_slope_and_an_interval_that_covers_it() -> None:
    covered = 0
    for seed in range(60):
        dice = random.Random(seed)
        points = [(x := dice.uniform(-180, 0), 3 * x + dice.gauss(0, 200)) for _ in range(800)]
        found = half_split(points, 0.95)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        assert (found.n, found.method) == (800, TrendMethod.HALF_SPLIT)
        covered += found.low <= 3 <= found.high
    assert covered >= 52


def test_half_split_pairs_do_not_depend_on_the_order() -> None:
    dice = random.Random(5)
    points = [(dice.uniform(0, 9), dice.gauss(0, 1)) for _ in range(31)]
    assert half_split(dice.sample(points, 31), 0.95) == half_split(points, 0.95)


@pytest.mark.parametrize("points", [[], [(1.0, 2.0)], [(1.0, 2.0), (1.0, 3.0)]])
def test_half_split_pairs_need_two_instants(points: list[tuple[float, float]]) -> None:
    assert half_split(points, 0.95) is None


def test_few_half_split_pairs_carry_no_interval() -> None:
    found = half_split([(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 3.0)], 0.95)
    assert found is not None
    assert (found.slope, found.low, found.high) == (1.0, None, None)


def test_a_trend_takes_every_pair_until_there_are_too_many() -> None:
    points = [(float(x), float(x % 7)) for x in range(40)]
    few, many = (trend_of(points, 0.95, every_pair_up_to=most) for most in (40, 39))
    assert few is not None
    assert many is not None
    assert (few.method, many.method) == (TrendMethod.EVERY_PAIR, TrendMethod.HALF_SPLIT)
