"""What can be said of a service's error budgets at an instant."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.budgets.measuring import Band, BudgetReading, Measured, band_of
from app.domain.budgets.model import Boost, counted
from app.domain.budgets.slos import Slo
from app.domain.policy import BudgetPolicy


@dataclass(frozen=True, slots=True)
class SloBudget:
    """One SLO: its band now, and the last known figures with their age in seconds."""

    slo: str
    band: Band
    source: str | None
    objective: float | None
    last: Measured | None
    age: float | None
    history: tuple[Measured, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceBudget:
    """All SLOs of a service, the worst band of them, and the boosts that raise its items now."""

    service_id: UUID
    service: str
    band: Band
    levels: int
    slos: tuple[SloBudget, ...]
    boosts: tuple[Boost, ...]


def budget_view(
    service_id: UUID,
    service: str,
    *,
    slos: Sequence[Slo],
    readings: Sequence[BudgetReading],
    boosts: Sequence[Boost],
    now: datetime,
    policy: BudgetPolicy,
) -> ServiceBudget:
    """Put together what is known. A reading that nobody renewed says `unknown`, never "recovered"."""
    objectives = {slo.name: slo.objective for slo in slos}
    names = sorted({*objectives, *(reading.slo for reading in readings)})
    budgets = tuple(_of_slo(name, objectives.get(name), readings, now, policy) for name in names)
    worst = min((budget.band for budget in budgets), key=list(Band).index, default=Band.UNKNOWN)
    active = tuple(counted(boosts))
    return ServiceBudget(service_id, service, worst, max((b.levels for b in active), default=0), budgets, active)


def _of_slo(
    name: str, objective: float | None, readings: Sequence[BudgetReading], now: datetime, policy: BudgetPolicy
) -> SloBudget:
    own = sorted((r for r in readings if r.slo == name), key=lambda reading: reading.measured.at, reverse=True)
    if not own:
        return SloBudget(name, Band.UNKNOWN, None, objective, None, None)
    last, source = own[0].measured, own[0].source
    is_fresh = now - last.at <= policy.silent_after.get(source, policy.silent_after_default)
    band = band_of(last.remaining, policy) if is_fresh else Band.UNKNOWN
    age = max(0.0, (now - last.at).total_seconds())
    return SloBudget(name, band, source, objective, last, age, tuple(r.measured for r in own))
