"""How good p would have been: predictions at past instants, scored by what happened within the horizon."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from math import exp
from operator import attrgetter, itemgetter

from app.domain.learning.risk import (
    DAY,
    PairHistory,
    RiskPolicy,
    count_exposure,
    learn_rates,
    pair_prior,
    recurrence_probability,
)

BASELINE_DAYS = 180
BINS = 10


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was said of one pair at one instant, and whether it struck again within the horizon."""

    p: float
    baseline: float
    occurred: bool


@dataclass(frozen=True, slots=True)
class Score:
    """Mean squared error, and how often a pair that struck was placed above one that did not (0.5: like a coin)."""

    brier: float | None
    auc: float | None


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Predictions in [low, high): their mean, and how often it came true."""

    low: float
    high: float
    n: int
    mean_p: float | None
    occurred: float | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """Scores of p, of the baseline 1 - exp(-n180 x 90/180) and of the base rate, which here knows the outcomes."""

    origins: int
    first_origin: datetime | None
    last_origin: datetime | None
    predictions: int
    recurred: int
    fitted_origins: int
    p: Score
    baseline: Score
    base_rate: Score
    base_rate_value: float | None
    calibration: tuple[CalibrationBin, ...]


def backtest(
    histories: Sequence[PairHistory],
    until: datetime,
    policy: RiskPolicy,
    *,
    every_days: int = 30,
    warm_up_days: int = 180,
) -> Backtest:
    """Rolling origin: at each instant only what was known by then is used, the fit of the prior included.

    Origins begin after the warm-up and end one horizon before `until`, so that every outcome is known. Every pair that
    has struck by then is predicted.
    """
    origins = _origins(histories, until, policy, every_days, warm_up_days)
    predicted = [_predict_all(histories, origin, policy) for origin in origins]
    predictions = [one for _, found in predicted for one in found]
    occurred = [one.occurred for one in predictions]
    rate = sum(occurred) / len(occurred) if occurred else None
    return Backtest(
        origins=len(origins),
        first_origin=origins[0] if origins else None,
        last_origin=origins[-1] if origins else None,
        predictions=len(predictions),
        recurred=sum(occurred),
        fitted_origins=sum(is_fitted for is_fitted, _ in predicted),
        p=_score([one.p for one in predictions], occurred),
        baseline=_score([one.baseline for one in predictions], occurred),
        base_rate=_score([rate or 0.0] * len(occurred), occurred),
        base_rate_value=rate,
        calibration=_calibration(predictions),
    )


def _origins(
    histories: Sequence[PairHistory], until: datetime, policy: RiskPolicy, every_days: int, warm_up_days: int
) -> list[datetime]:
    first = min((at for history in histories for at in history.started_at), default=None)
    if first is None:
        return []
    last, days = until - policy.horizon_days * DAY, (until - first) / DAY
    steps = max(0, int((days - policy.horizon_days - warm_up_days) // every_days) + 1) if days > 0 else 0
    return [last - step * every_days * DAY for step in reversed(range(steps))]


def _predict_all(
    histories: Iterable[PairHistory], origin: datetime, policy: RiskPolicy
) -> tuple[bool, list[Prediction]]:
    """Whether the catalogue could be fitted, and the predictions."""
    known = [(h, tuple(at for at in h.started_at if at <= origin)) for h in histories]
    struck = [(replace(h, started_at=before), h.started_at) for h, before in known if before]
    exposures = [count_exposure(h.started_at, origin, policy) for h, _ in struck]
    rates = learn_rates([(h.root_cause_id, own) for (h, _), own in zip(struck, exposures, strict=True)], policy)
    end = origin + policy.horizon_days * DAY
    found = []
    for (history, all_), own in zip(struck, exposures, strict=True):
        prior = pair_prior(rates, history.root_cause_id, own, policy)
        p = recurrence_probability(prior, own.n, own.days, policy.horizon_days)
        occurred = any(origin < at <= end for at in all_)
        found.append(Prediction(p, _baseline(history.started_at, origin, policy), occurred))
    return rates.catalogue is not None, found


def _baseline(started_at: Iterable[datetime], origin: datetime, policy: RiskPolicy) -> float:
    """The incidents of the last 180 days, taken as a rate."""
    n = sum(origin - BASELINE_DAYS * DAY < at <= origin for at in started_at)
    return 1 - exp(-n * policy.horizon_days / BASELINE_DAYS)


def _score(ps: Sequence[float], occurred: Sequence[bool]) -> Score:
    if not ps:
        return Score(None, None)
    brier = sum((p - seen) ** 2 for p, seen in zip(ps, occurred, strict=True)) / len(ps)
    return Score(brier, auc(ps, occurred))


def auc(ps: Sequence[float], occurred: Sequence[bool]) -> float | None:
    """Area under the ROC curve by ranks (Mann-Whitney), ties counting half; None unless there is one of each."""
    positives = sum(occurred)
    negatives = len(occurred) - positives
    if not positives or not negatives:
        return None
    below, wins = 0, 0.0
    for _, tied in groupby(sorted(zip(ps, occurred, strict=True), key=itemgetter(0)), key=itemgetter(0)):
        outcomes = [seen for _, seen in tied]
        hits = sum(outcomes)
        wins += hits * (below + (len(outcomes) - hits) / 2)
        below += len(outcomes) - hits
    return wins / (positives * negatives)


def _calibration(predictions: Sequence[Prediction]) -> tuple[CalibrationBin, ...]:
    return tuple(
        _bin(no / BINS, (no + 1) / BINS, [one for one in predictions if min(int(one.p * BINS), BINS - 1) == no])
        for no in range(BINS)
    )


def _bin(low: float, high: float, found: Sequence[Prediction]) -> CalibrationBin:
    if not found:
        return CalibrationBin(low, high, 0, None, None)
    mean_p = sum(map(attrgetter("p"), found)) / len(found)
    return CalibrationBin(low, high, len(found), mean_p, sum(one.occurred for one in found) / len(found))
