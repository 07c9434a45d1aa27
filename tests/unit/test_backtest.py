"""p is scored on what happened after it was said, and beats simple guesses where rates are real."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from app.domain.learning.backtest import Score, auc, backtest
from app.domain.learning.risk import PairHistory, RiskPolicy

UNTIL = datetime(2026, 7, 1, tzinfo=UTC)
DAY = timedelta(days=1)
POLICY = RiskPolicy()
SERVICE = UUID(int=9)


def made_pair(*days_ago: float, cause: int = 1) -> PairHistory:
    return PairHistory(UUID(int=cause), SERVICE, "checkout", tuple(UNTIL - d * DAY for d in sorted(days_ago)[::-1]))


def organisation(seed: int, causes: int = 250, years: int = 3) -> list[PairHistory]:
    """Every cause strikes its services at a rate of its own, all the time."""
    dice = random.Random(seed)
    pairs = []
    for cause in range(causes):
        rate = dice.gammavariate(0.8, 1 / 250)
        for service in range(1 + dice.randrange(3)):
            age, found = 365.0 * years, []
            while (age := age - dice.expovariate(rate)) > 0:
                found.append(age)
            if found:
                at = tuple(UNTIL - d * DAY for d in found)
                pairs.append(PairHistory(UUID(int=cause), UUID(int=1000 + service), "s", at))
    return pairs


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_p_beats_both_baselines_on_simulated_organisations(seed: int) -> None:
    found = backtest(organisation(seed), UNTIL, POLICY, every_days=90)
    assert found.predictions > 1000
    assert found.fitted_origins == found.origins > 5
    for other in (found.baseline, found.base_rate):
        assert found.p.brier is not None
        assert found.p.auc is not None
        assert other.brier is not None
        assert other.auc is not None
        assert found.p.brier < other.brier
        assert found.p.auc > other.auc
    assert found.base_rate.auc == 0.5


def test_p_is_calibrated_on_a_simulated_organisation() -> None:
    found = backtest(organisation(4), UNTIL, POLICY, every_days=90)
    bins = [one for one in found.calibration if one.n >= 200]
    assert len(bins) > 2
    assert all(abs((one.mean_p or 0) - (one.occurred or 0)) < 0.07 for one in bins)


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.5, 0.9]), st.booleans()), min_size=2, max_size=40))
def test_the_area_under_the_curve_is_scikit_learns(pairs: list[tuple[float, bool]]) -> None:
    ps, occurred = [p for p, _ in pairs], [seen for _, seen in pairs]
    if len(set(occurred)) < 2:
        assert auc(ps, occurred) is None
    else:
        assert auc(ps, occurred) == pytest.approx(roc_auc_score(occurred, ps))


def test_nothing_that_came_later_is_used() -> None:
    past = [made_pair(400, 350, 300, cause=n) for n in range(60)]
    told = backtest(past, UNTIL - 200 * DAY, POLICY)
    known_later = [made_pair(400, 350, 300, 20, cause=n) for n in range(60)]
    assert backtest(known_later, UNTIL - 200 * DAY, POLICY) == told


def test_scores_are_about_what_happened_within_the_horizon() -> None:
    found = backtest([made_pair(400, 150)], UNTIL, POLICY, every_days=100, warm_up_days=100)
    assert found.last_origin == UNTIL - 90 * DAY
    assert (found.origins, found.predictions, found.recurred) == (3, 3, 1)
    assert found.base_rate_value == pytest.approx(1 / 3)
    assert found.base_rate.brier == pytest.approx(brier_score_loss([0, 1, 0], [1 / 3] * 3))


@pytest.mark.parametrize("pairs", [[], [made_pair(100)], [made_pair(-10)]])
def test_too_short_a_history_says_nothing(pairs: list[PairHistory]) -> None:
    found = backtest(pairs, UNTIL, POLICY)
    assert (found.origins, found.predictions, found.first_origin, found.base_rate_value) == (0, 0, None, None)
    assert found.p == found.baseline == found.base_rate == Score(None, None)
    assert all(one.n == 0 and one.mean_p is None for one in found.calibration)
