"""Recurrence risk: how likely a cause strikes a service again, and what that weighs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from math import ceil, pow, prod
from uuid import UUID

from app.domain.learning.reasons import Reason, budget_reason, recurrence_reason
from app.domain.learning.statistics import GammaPrior, fit_gamma, fit_shape

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RiskPolicy:
    """The numbers of domain.md section 6. Weights by rank P1..P5, factors by levels 0..2."""

    horizon_days: float = 90
    lookback_days: float = 365
    episode_gap: timedelta = timedelta(hours=24)
    default_prior: GammaPrior = field(default_factory=lambda: GammaPrior(1, 400))
    min_causes: int = 50
    max_shape: float = 20
    severity_weights: tuple[float, ...] = (1.0, 0.6, 0.3, 0.1, 0.05)
    budget_factors: tuple[float, ...] = (1.0, 1.25, 1.5)


@dataclass(frozen=True, slots=True)
class PairHistory:
    """Standard incidents of one (confirmed root cause, service), in any order.

    `worst_severity_rank` is the worst of the last 365 days, None where there was none.
    """

    root_cause_id: UUID
    service_id: UUID
    service: str
    started_at: tuple[datetime, ...]
    worst_severity_rank: int | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    """What was seen: n recurrences in T days."""

    n: int = 0
    days: float = 0.0


@dataclass(frozen=True, slots=True)
class CauseRates:
    """What the whole catalogue says about rates.

    `catalogue` is the distribution of cause rates, `shape` how much a pair's rate varies about
    what its cause leads to expect, `totals` the exposure of each cause over all its pairs.
    Without a usable fit `catalogue` is None and every pair gets the policy's default prior.
    """

    catalogue: GammaPrior | None
    shape: float
    totals: Mapping[UUID, Exposure]


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Probability `p` of a recurrence within the policy's horizon, and what it rests on."""

    p: float
    n: int
    exposure_days: float
    prior: GammaPrior


@dataclass(frozen=True, slots=True)
class BudgetState:
    """Error budget of a service: levels of the active boost and the share burnt, if known."""

    service: str
    levels: int = 0
    burnt: float | None = None


@dataclass(frozen=True, slots=True)
class RiskScore:
    """`score` = p x severity weight x budget factor: an order, not a probability, not clamped.

    `n` and `exposure_days` are sums over the pairs of a pattern; its `prior` is None.
    """

    score: float
    p: float
    n: int
    exposure_days: float
    prior: GammaPrior | None
    severity_weight: float
    budget_factor: float
    reasons: tuple[Reason, ...]


def count_exposure(started_at: Iterable[datetime], as_of: datetime, policy: RiskPolicy) -> Exposure:
    """n and T of a pair at `as_of` (domain.md section 6).

    T runs from the first incident ever, or from the start of the lookback if that is later; n is
    what began in it, without the first ever. An incident at most `episode_gap` after the one
    before it belongs to the same episode and does not count.
    """
    known = sorted(at for at in started_at if at <= as_of)
    if not known:
        return Exposure()
    since = max(known[0], as_of - policy.lookback_days * DAY)
    n = sum(later >= since and later - earlier > policy.episode_gap for earlier, later in pairwise(known))
    return Exposure(n, (as_of - since) / DAY)


def learn_rates(pairs: Iterable[tuple[UUID, Exposure]], policy: RiskPolicy) -> CauseRates:
    """Fit the catalogue from the exposure of every pair, each given with its root cause's id.

    Cause level: n and T summed over the pairs of a cause, Gamma(a, b) by negative-binomial
    maximum likelihood over all causes. Pair level: the shape about the pair's expected rate, by
    the same likelihood over all pairs. Fewer causes than the policy wants, a fit without a
    maximum or too large a shape leave the policy's default.
    """
    seen = list(pairs)
    totals = _totals(seen)
    catalogue = fit_gamma((total.n, total.days) for total in totals.values())
    default = CauseRates(None, policy.default_prior.shape, totals)
    if catalogue is None or sum(t.days > 0 for t in totals.values()) < policy.min_causes:
        return default
    shape = fit_shape((own.n, own.days * _expected_rate(catalogue, totals[cause], own)) for cause, own in seen)
    if shape is None or shape > policy.max_shape:
        return default
    return CauseRates(catalogue, shape, totals)


def pair_prior(rates: CauseRates, root_cause_id: UUID, own: Exposure, policy: RiskPolicy) -> GammaPrior:
    """The prior (a0, b0) of a pair: what is known of its rate before its own history.

    Mean: the organisation-wide rate of the cause, shrunk to the catalogue's,
    (a + n) / (b + T) with n and T over the cause's *other* pairs. The pair's own incidents enter
    by the posterior, and once only: counted in both they would be believed twice (a cause seen
    on one service alone would be overrated by up to 0.1). Without other pairs the mean is the
    catalogue's a / b. Shape: fitted over all pairs about these means, not the a between causes,
    so that it fits both catalogues whose causes strike every service alike and those where they
    do not; with one pair per cause the two shapes are the same number.

    Exposure starts at a pair's first incident, which is not counted, so the fit describes pairs
    that have struck at least once: that is the population it is applied to.
    """
    if rates.catalogue is None:
        return policy.default_prior
    total = rates.totals.get(root_cause_id, own)
    return GammaPrior(rates.shape, rates.shape / _expected_rate(rates.catalogue, total, own))


def posterior(prior: GammaPrior, n: int, exposure_days: float) -> GammaPrior:
    """Distribution of the rate after n incidents in that many days."""
    return GammaPrior(prior.shape + n, prior.days + exposure_days)


def recurrence_probability(prior: GammaPrior, n: int, exposure_days: float, horizon_days: float) -> float:
    """Probability of at least one incident in the next `horizon_days`."""
    return 1 - probability_of_silence(prior, n, exposure_days, horizon_days)


def probability_of_silence(prior: GammaPrior, n: int, exposure_days: float, window_days: float) -> float:
    """Probability of no incident in `window_days` if nothing was fixed."""
    rate = posterior(prior, n, exposure_days)
    return pow(rate.days / (rate.days + window_days), rate.shape)


def window_for_silence(prior: GammaPrior, n: int, exposure_days: float, *, at_most: float, max_days: int) -> int | None:
    """Shortest window in whole days whose silence is that improbable; None beyond `max_days`."""
    if probability_of_silence(prior, n, exposure_days, max_days) > at_most:
        return None
    rate = posterior(prior, n, exposure_days)
    days = ceil(rate.days * (pow(at_most, -1 / rate.shape) - 1))
    return min(max(1, days), max_days)


def recurrence(history: PairHistory, rates: CauseRates, as_of: datetime, policy: RiskPolicy) -> Recurrence:
    """Probability that the pair recurs within the policy's horizon after `as_of`."""
    own = count_exposure(history.started_at, as_of, policy)
    prior = pair_prior(rates, history.root_cause_id, own, policy)
    p = recurrence_probability(prior, own.n, own.days, policy.horizon_days)
    return Recurrence(p, own.n, own.days, prior)


def meta_item_probability(ps: Iterable[float]) -> float:
    """Probability that at least one of several independent pairs recurs."""
    return 1 - prod(1 - p for p in ps)


def score_item(
    found: Recurrence,
    history: PairHistory,
    budget: BudgetState,
    *,
    originating_rank: int,
    as_of: datetime,
    policy: RiskPolicy,
) -> RiskScore:
    """Risk of an item of one pair; `originating_rank` weighs where the year was silent."""
    weight = _severity_weight(history, originating_rank, policy)
    factor = _budget_factor(budget, policy)
    reasons = _reasons(found.n, (history,), (budget,), as_of, policy)
    p, n, days = found.p, found.n, found.exposure_days
    return RiskScore(p * weight * factor, p, n, days, found.prior, weight, factor, reasons)


def score_meta_item(
    pairs: Sequence[tuple[Recurrence, PairHistory]],
    budgets: Sequence[BudgetState],
    *,
    originating_rank: int,
    as_of: datetime,
    policy: RiskPolicy,
) -> RiskScore:
    """Risk of a pattern's item: the distinct pairs together, the largest weight.

    `budgets` are those of the services the item lists; without any the factor is 1.
    """
    histories = [history for _, history in pairs]
    p = meta_item_probability(found.p for found, _ in pairs)
    weight = max(
        (_severity_weight(history, originating_rank, policy) for history in histories),
        default=_weight_of(originating_rank, policy),
    )
    factor = max((_budget_factor(b, policy) for b in budgets), default=policy.budget_factors[0])
    n = sum(found.n for found, _ in pairs)
    days = sum(found.exposure_days for found, _ in pairs)
    reasons = _reasons(n, histories, budgets, as_of, policy)
    return RiskScore(p * weight * factor, p, n, days, None, weight, factor, reasons)


def _totals(pairs: Iterable[tuple[UUID, Exposure]]) -> dict[UUID, Exposure]:
    totals: defaultdict[UUID, Exposure] = defaultdict(Exposure)
    for cause, own in pairs:
        totals[cause] = Exposure(totals[cause].n + own.n, totals[cause].days + own.days)
    return dict(totals)


def _expected_rate(catalogue: GammaPrior, total: Exposure, own: Exposure) -> float:
    """Events a day that the cause's other pairs lead to expect."""
    others = posterior(catalogue, total.n - own.n, max(0.0, total.days - own.days))
    return others.shape / others.days


def _weight_of(rank: int, policy: RiskPolicy) -> float:
    return policy.severity_weights[rank - 1]


def _severity_weight(history: PairHistory, originating_rank: int, policy: RiskPolicy) -> float:
    return _weight_of(history.worst_severity_rank or originating_rank, policy)


def _budget_factor(budget: BudgetState, policy: RiskPolicy) -> float:
    return policy.budget_factors[min(budget.levels, len(policy.budget_factors) - 1)]


def _reasons(
    n: int,
    histories: Iterable[PairHistory],
    budgets: Iterable[BudgetState],
    as_of: datetime,
    policy: RiskPolicy,
) -> tuple[Reason, ...]:
    incidents = [(at, history.service) for history in histories for at in history.started_at]
    burnt = [budget_reason(b.service, b.burnt) for b in budgets if b.levels > 0]
    return (recurrence_reason(n, incidents, as_of, policy.lookback_days), *burnt)
