"""Recurrence of single pairs from the stored fit: no query over the whole catalogue for one answer."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from app.domain.learning.facts import StoredFit
from app.domain.learning.risk import (
    CauseRates,
    Exposure,
    PairHistory,
    RiskPolicy,
    count_exposure,
    learn_rates,
    pair_prior,
)
from app.domain.learning.statistics import GammaPrior


def fit_catalogue(histories: Iterable[PairHistory], as_of: datetime, policy: RiskPolicy) -> StoredFit:
    """Learn from every pair there is; kept until the next time."""
    rates = learn_rates([(h.root_cause_id, count_exposure(h.started_at, as_of, policy)) for h in histories], policy)
    return StoredFit(as_of, rates.catalogue, rates.shape)


def rates_from(
    fit: StoredFit | None, histories: Sequence[PairHistory], as_of: datetime, policy: RiskPolicy
) -> CauseRates:
    """The stored fit with the totals of the causes at hand; `histories` are all pairs of those causes."""
    totals: dict[UUID, Exposure] = {}
    for history in histories:
        own = count_exposure(history.started_at, as_of, policy)
        total = totals.get(history.root_cause_id, Exposure())
        totals[history.root_cause_id] = Exposure(total.n + own.n, total.days + own.days)
    if fit is None:
        return CauseRates(None, policy.default_prior.shape, totals)
    return CauseRates(fit.catalogue, fit.shape, totals)


def prior_and_exposure(
    fit: StoredFit | None,
    histories: Sequence[PairHistory],
    pair: tuple[UUID, UUID],
    as_of: datetime,
    policy: RiskPolicy,
) -> tuple[GammaPrior, Exposure]:
    """What is known of one pair at an instant."""
    rates = rates_from(fit, histories, as_of, policy)
    own = next((h for h in histories if (h.root_cause_id, h.service_id) == pair), None)
    exposure = count_exposure(own.started_at, as_of, policy) if own else Exposure()
    return pair_prior(rates, pair[0], exposure, policy), exposure
